import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import Result

from services.cli.grid_report import all_reports, one_report
from services.cli.grid_view import grid_rows, print_regions
from services.cli.output import print_rows
from shared.domain.bands import Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import NotFound
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import IntensityUpdated
from shared.runtime import system_clock

Cli = Callable[..., Result]
Update = Callable[..., IntensityUpdated]

GRID_KEYS = {
    "region", "intensity_g_per_kwh", "index_percent", "band", "signal", "source", "simulated",
    "freshness", "age_seconds", "reason", "period_seconds", "forecast", "cleanest_window",
}  # fmt: skip
FORECAST_KEYS = {"start", "period_seconds", "values_g_per_kwh"}
WINDOW_KEYS = {"start", "end", "mean_g_per_kwh", "percent", "band"}


@pytest.fixture
def update(story: Any) -> Update:
    """An update of any region: what is given differs from a live one of 200 g/kWh now."""

    def make(region: str, minutes: float = 0.0, **given: Any) -> IntensityUpdated:
        told = story.update(story.ago(minutes), 200.0, Band.LOW)
        fields = {name: given.pop(name) for name in list(given) if name in Reading.__slots__}
        reading = replace(told.reading, **{"region": region, "simulated": False, **fields})
        return cast("IntensityUpdated", told.model_copy(update={"reading": reading, **given}))

    return make


def store(*events: IntensityUpdated) -> str:
    url = "sqlite:///.carbon-aware/ledger.db"
    migrate(url)
    engine = open_engine(url)
    with writing(engine) as connection:
        record(connection, list(events))
    engine.dispose()
    return url


@pytest.fixture
def several(empty_folder: Path, update: Update, story: Any) -> str:
    """Two marginal regions, one of them replayed; two average; an index; an unknown."""
    gb: dict[str, Any] = {"signal": Signal.AVERAGE, "source": "uk_carbon_intensity"}
    dirty = [100 + 40 * math.sin(n / 20) for n in range(288)]
    forecast = replace(update("GB").forecast, values_g_per_kwh=tuple(dirty))
    unknown = {"intensity_g_per_kwh": None, "index_percent": None, "forecast": None}
    index = {"intensity_g_per_kwh": None, "forecast": None, "cuts": None, "band": Band.HIGH}
    return store(
        update("PJM_DC", 1, intensity_g_per_kwh=480.0, band=Band.HIGH, simulated=True),
        update("GB", 2, intensity_g_per_kwh=90.0, band=Band.VERY_LOW, forecast=forecast, **gb),
        update("FR", 2, intensity_g_per_kwh=30.0, band=Band.VERY_LOW, forecast=None, **gb),
        update("CAISO_NORTH", 1, warnings=("the forecast has a gap",)),
        update("NYISO_NYC", 1, index_percent=71.0, **index),
        update(
            "ERCOT_HOUSTON",
            1,
            freshness=Freshness.UNKNOWN,
            band=Band.UNKNOWN,
            reason="WattTime does not answer, and no forecast is left",
            **unknown,
        ),
    )


def drawn(ledger_url: str, width: int, region: str | None) -> list[str]:
    """The lines on a terminal of this width; without a region the table of all."""
    out = Console(
        file=StringIO(), width=width, force_terminal=True, color_system=None, emoji=False,
        highlight=False,
    )  # fmt: skip
    engine, now = open_engine(ledger_url), system_clock()
    if region is None:
        print_regions(out, all_reports(engine, now), now)
    else:
        print_rows(out, grid_rows(engine, one_report(engine, region, now), now, width))
    engine.dispose()
    return cast("StringIO", out.file).getvalue().splitlines()


def labelled(text: str) -> dict[str, str]:
    width = len("Carbon intensity  ")
    return {line[:width].strip(): line[width:] for line in text.splitlines()}


# -- one region


def test_the_grid_has_the_fields_that_scripts_depend_on(cli: Cli, filled_ledger: str) -> None:
    result = cli("grid", "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    told = json.loads(result.stdout)
    assert set(told) >= GRID_KEYS
    assert set(told["forecast"]) >= FORECAST_KEYS
    assert set(told["cleanest_window"]) >= WINDOW_KEYS
    assert (told["region"], told["signal"], told["source"]) == (
        "CAISO_NORTH",
        "marginal",
        "watttime",
    )
    assert (told["intensity_g_per_kwh"], told["index_percent"], told["band"]) == (200, 80, "low")
    assert (told["freshness"], told["reason"], told["simulated"]) == ("live", None, True)
    assert 0 <= told["age_seconds"] < 60
    assert told["forecast"]["values_g_per_kwh"] == [200, 200, 100, 120, 500]
    window = told["cleanest_window"]
    assert (window["mean_g_per_kwh"], window["band"]) == (110, "very_low")
    assert window["percent"] == pytest.approx(-45)
    assert window["start"].endswith("Z")


def test_the_block_says_everything_and_marks_what_is_simulated(
    cli: Cli, filled_ledger: str, story: Any
) -> None:
    lines = labelled(cli("grid").stdout)
    assert lines["Carbon intensity"] == "200 g/kWh   low    SIMULATED"
    assert lines["Region"] == "CAISO_NORTH"
    assert lines["Source"] == "watttime, marginal: what one more kWh causes"
    assert lines["Freshness"].startswith("live, ")
    assert lines["Last 1 h 5 min"] == "████▁▁▁▁▁▁▁▁▁  200 to 600 g/kWh"
    assert lines["Next 20 min"].startswith("██▁")
    assert lines["Next 20 min"].endswith(" to 200 g/kWh")
    start, end = (story.now + timedelta(minutes=n) for n in (10, 20))
    times = (f"{time:%H:%M:%S} UTC" for time in (start, end))
    assert all(time in lines["Cleanest window"] for time in times)
    assert "-45 % in " in lines["Cleanest window"]
    assert lines["Cleanest window"].endswith(", 110 g/kWh  very low")
    assert "Other regions" not in lines
    assert "Warning" not in lines


def test_what_is_not_live_says_why_and_warnings_are_shown(
    cli: Cli, empty_folder: Path, update: Update
) -> None:
    reason = "WattTime does not answer"
    store(update("GB", freshness=Freshness.FORECAST, reason=reason, warnings=("odd", "stale")))
    text = cli("grid").stdout
    assert labelled(text)["Freshness"].startswith("forecast, ")
    assert labelled(text)["Freshness"].endswith(f" old: {reason}")
    assert [line[18:] for line in text.splitlines() if line.startswith("Warning")] == [
        "odd",
        "stale",
    ]
    assert "SIMULATED" not in text
    assert json.loads(cli("grid", "--json").stdout)["reason"] == reason


def test_an_index_alone_has_a_band_a_past_and_no_window(cli: Cli, several: str) -> None:
    lines = labelled(cli("grid", "--region", "NYISO_NYC").stdout)
    assert lines["Carbon intensity"] == "index 71 %   high"
    assert lines["Last 5 min"] == "▁  index 71 %"
    assert lines["Cleanest window"] == "unknown: there is no forecast"
    told = json.loads(cli("grid", "--region", "NYISO_NYC", "--json").stdout)
    assert (told["intensity_g_per_kwh"], told["index_percent"]) == (None, 71)
    assert (told["forecast"], told["cleanest_window"]) == (None, None)


def test_an_unknown_grid_is_unknown_and_never_0(cli: Cli, several: str) -> None:
    lines = labelled(cli("grid", "--region", "ERCOT_HOUSTON").stdout)
    assert lines["Carbon intensity"] == "unknown   unknown"
    assert lines["Cleanest window"] == "unknown"
    assert not [label for label in lines if label.startswith(("Last", "Next"))]


def test_a_flat_forecast_is_not_worth_waiting_for(
    cli: Cli, empty_folder: Path, update: Update
) -> None:
    told = update("GB")
    flat = replace(told.forecast, values_g_per_kwh=(200.0, 199.0, 201.0))
    store(told.model_copy(update={"forecast": flat}))
    lines = labelled(cli("grid").stdout)
    assert lines["Cleanest window"].startswith("nothing ahead is cleaner by so much")


def test_the_past_is_of_one_kind_of_data_and_has_its_gaps(
    cli: Cli, empty_folder: Path, update: Update
) -> None:
    values = {20: 100.0, 15: 300.0, 5: 200.0, 0: 250.0}
    store(
        update("GB", 25, intensity_g_per_kwh=900.0, signal=Signal.AVERAGE),
        update("GB", 10, intensity_g_per_kwh=900.0, simulated=True),
        *(update("GB", minutes, intensity_g_per_kwh=value) for minutes, value in values.items()),
    )
    assert labelled(cli("grid").stdout)["Last 25 min"] == "▁█ ▅▆  100 to 300 g/kWh"


def test_an_old_forecast_shows_only_what_is_ahead(
    cli: Cli, empty_folder: Path, update: Update
) -> None:
    store(update("GB", 18))
    lines = labelled(cli("grid").stdout)
    assert lines["Freshness"].startswith("forecast, 18 min")
    assert "overdue" in lines["Freshness"]
    assert "Next 5 min" in lines


def test_a_region_that_nobody_heard_of_is_exit_4(cli: Cli, several: str) -> None:
    result = cli("grid", "--region", "ATLANTIS")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error: the ledger knows no region ATLANTIS, only CAISO_NORTH,")


def test_before_the_first_update_there_is_a_way_out(cli: Cli, empty_folder: Path) -> None:
    store()
    result = cli("grid")
    assert result.exit_code == 4
    assert "no update of a grid has arrived yet; start" in result.stderr
    assert json.loads(cli("grid", "--regions", "--json").stdout) == {"regions": []}
    assert cli("grid", "--regions").stdout == "no update of a grid has arrived yet\n"


def test_a_folder_without_a_ledger_is_exit_69(cli: Cli, empty_folder: Path) -> None:
    assert cli("grid").exit_code == 69


# -- all regions


def test_regions_are_ranked_within_their_kind_only(cli: Cli, several: str) -> None:
    told = json.loads(cli("grid", "--regions", "--json").stdout)
    assert list(told) == ["regions"]
    assert all(set(region) >= GRID_KEYS for region in told["regions"])
    assert [(region["region"], region["signal"]) for region in told["regions"]] == [
        ("CAISO_NORTH", "marginal"),
        ("PJM_DC", "marginal"),
        ("NYISO_NYC", "marginal"),
        ("ERCOT_HOUSTON", "marginal"),
        ("FR", "average"),
        ("GB", "average"),
    ]


def test_the_table_keeps_kinds_apart_and_says_so(cli: Cli, several: str) -> None:
    lines = cli("grid", "--regions").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "region",
        "marginal:",
        "CAISO_NORTH",
        "PJM_DC",
        "marginal:",
        "NYISO_NYC",
        "marginal:",
        "ERCOT_HOUSTON",
        "average:",
        "FR",
        "GB",
        "Each",
    ]
    assert [line for line in lines if "SIMULATED" in line] == [lines[3]]
    assert lines[4].endswith("index only: a region against its own past")
    assert "WattTime does not answer, and no forecast is left" in lines[7]
    assert [line.rstrip() for line in lines] == lines


def test_one_kind_of_data_needs_no_warning(cli: Cli, filled_ledger: str) -> None:
    lines = cli("grid", "--regions").stdout.splitlines()
    assert len(lines) == 3
    assert "Each group" not in lines[-1]


# -- on a terminal


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("region", [None, "GB", "CAISO_NORTH", "NYISO_NYC", "ERCOT_HOUSTON"])
def test_the_lines_fit_the_terminal(several: str, width: int, region: str | None) -> None:
    assert all(len(line) <= width for line in drawn(several, width, region))


@pytest.mark.parametrize(("width", "bars"), [(80, 36), (120, 72)])
def test_a_day_ahead_fits_one_line(several: str, width: int, bars: int) -> None:
    (line,) = [line for line in drawn(several, width, "GB") if line.startswith("Next 24 h")]
    assert sum(mark in "▁▂▃▄▅▆▇█" for mark in line) == bars
    assert line.rstrip().endswith("60 to 140 g/kWh")


def test_the_report_of_nothing_is_our_own_error(empty_folder: Path) -> None:
    engine = open_engine(store())
    with pytest.raises(NotFound):
        one_report(engine, None, system_clock())
    engine.dispose()

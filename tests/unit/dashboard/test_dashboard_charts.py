"""What the charts draw, and in which colours."""

import runpy
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboard import charts, frames, theme
from dashboard.drawing import Spec
from shared.domain.bands import Band, Cuts, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Signal
from shared.ledger.reads import GridNow, PlannedSlot, PoolSize, ReadingRow, ServiceRow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PERIOD = timedelta(minutes=5)
BUSY = runpy.run_path(str(Path(__file__).parent / "busy_ledger.py"))


def grid(
    *ahead: float, now: float | None = 300.0, cuts: Cuts | None = None, **changes: Any
) -> GridNow:
    values: dict[str, Any] = {
        "region": "CAISO_NORTH",
        "at": NOW,
        "updated_at": NOW,
        "period_seconds": 300.0,
        "signal": Signal.MARGINAL,
        "source": "watttime",
        "simulated": False,
        "freshness": Freshness.LIVE,
        "band": Band.MEDIUM,
        "intensity_g_per_kwh": now,
        "index_percent": None,
        "age_seconds": 0.0,
        "reason": None,
        "next_update_at": NOW + PERIOD,
        "forecast": Forecast(NOW, NOW, 300.0, ahead) if ahead else None,
        "cuts": cuts or absolute_cuts(),
        "warnings": (),
    }
    return GridNow(**(values | changes))


def reading(place: int, value: float | None, index: float | None = None) -> ReadingRow:
    return ReadingRow(
        region="CAISO_NORTH",
        at=NOW + place * PERIOD,
        period_seconds=300.0,
        signal=Signal.MARGINAL,
        source="watttime",
        simulated=False,
        freshness=Freshness.LIVE,
        band=Band.MEDIUM,
        intensity_g_per_kwh=value,
        index_percent=index,
    )


def size(at: datetime, pool: str, consumers: int) -> PoolSize:
    return PoolSize(at, pool, "CAISO_NORTH", Band.LOW, 1.0, consumers, 1, 4, 1, "low band")


def beat(instance: str, at: datetime, *, alive: bool) -> ServiceRow:
    return ServiceRow("worker_pool", instance, "host", 1, NOW, at, 10.0, alive, {})


def draw(rows: frames.Timeline) -> Spec:
    return charts.grid_chart(rows, theme.LIGHT).spec


def test_the_forecast_goes_on_where_the_record_ends() -> None:
    rows = frames.timeline(
        grid(300, 200, 100), [reading(-1, 310), reading(0, 300)], [], NOW, timedelta(days=1)
    )
    assert rows is not None
    recorded = rows.points[rows.points["kind"] == frames.RECORDED]
    expected = rows.points[rows.points["kind"] == frames.EXPECTED]
    assert recorded["value"].tolist() == [310, 300, 300]
    assert expected["value"].tolist() == [300, 200, 100, 100]
    assert expected["at"].min() == recorded["at"].max()


def test_a_gap_in_the_record_is_not_drawn_over() -> None:
    rows = frames.timeline(grid(), [reading(-9, 310), reading(0, 300)], [], NOW, timedelta(days=1))
    assert rows is not None
    assert rows.points["value"].isna().sum() == 1


def test_the_background_holds_the_bands_that_the_values_reach() -> None:
    rows = frames.timeline(grid(300, 200), [reading(0, 300)], [], NOW, timedelta(days=1))
    assert rows is not None
    assert rows.bands["band"].tolist() == ["low", "medium"]


def test_planned_jobs_sit_on_the_forecast() -> None:
    slot = PlannedSlot(NOW + PERIOD, 7, 1.4, None)
    rows = frames.timeline(grid(300, 200), [reading(0, 300)], [slot], NOW, timedelta(days=1))
    assert rows is not None
    assert rows.planned[["value", "jobs"]].to_numpy().tolist() == [[200.0, 7]]
    assert "jobs planned" in str(draw(rows))
    layers = draw(rows)["layer"]
    kinds = [layer["mark"]["type"] for layer in layers]
    words = [place for place, kind in enumerate(kinds) if kind == "text"]
    assert max(words) > kinds.index("circle"), "a circle would cover a band's word"
    assert legends(rows) == [True, True]


def legends(rows: frames.Timeline) -> list[bool]:
    """Of the lines, then of the circles."""
    by = [layer["encoding"] for layer in draw(rows)["layer"]]
    dashes = [bool(each["strokeDash"]["legend"]) for each in by if "strokeDash" in each]
    return dashes + [bool(each["size"]["legend"]) for each in by if "size" in each]


def test_what_is_not_drawn_is_in_no_legend() -> None:
    later = PlannedSlot(NOW + 50 * PERIOD, 7, 1.4, None)
    index_only = grid(now=None, cuts=absolute_cuts(), index_percent=40.0)
    points = [reading(0, None, 40.0)]
    rows = frames.timeline(index_only, points, [later], NOW, timedelta(days=1))
    assert rows is not None
    assert legends(rows) == [False]


def test_the_index_alone_is_drawn_as_what_it_is() -> None:
    index_only = grid(now=None, cuts=absolute_cuts(), index_percent=40.0)
    rows = frames.timeline(index_only, [reading(0, None, 40.0)], [], NOW, timedelta(days=1))
    assert rows is not None
    assert rows.title == frames.INDEX_TITLE
    assert frames.INDEX_TITLE in str(draw(rows))


def test_nothing_is_drawn_where_nothing_is_known() -> None:
    assert frames.timeline(grid(now=None), [], [], NOW, timedelta(days=1)) is None


def test_capacity_adds_up_the_pools_and_drops_those_that_went_away() -> None:
    changes = [
        size(NOW, "a:CAISO_NORTH", 4),
        size(NOW + timedelta(seconds=0.2), "b", 4),
        size(NOW + PERIOD, "a:CAISO_NORTH", 8),
    ]
    beats = [
        beat("a", NOW + 3 * PERIOD, alive=True),
        beat("b", NOW + 2 * PERIOD, alive=False),
    ]
    steps = frames.capacity_steps(changes, [], beats, NOW, NOW + 4 * PERIOD)
    assert steps["jobs"].tolist() == [8, 12, 8, 8]
    assert charts.capacity_chart(steps, None, theme.DARK).rows["steps"] is steps


def test_a_pool_that_did_not_change_lately_still_counts() -> None:
    present = [size(NOW - timedelta(days=3), "a", 6)]
    steps = frames.capacity_steps([], present, [], NOW - timedelta(days=1), NOW)
    assert steps["jobs"].tolist() == [6, 6]
    assert steps["at"].iloc[0] == NOW - timedelta(days=1)


def test_sparklines_hold_each_value_until_the_next() -> None:
    times = [NOW, NOW + PERIOD, NOW + 4 * PERIOD]
    assert frames.evenly(times, [1, 2, 3], 5) == [1, 2, 2, 2, 3]
    assert frames.evenly([NOW], [1], 5) == []


def test_changing_numbers_are_data_so_the_drawing_stays() -> None:
    specs = []
    for value in (300.0, 150.0):
        rows = frames.timeline(grid(value, 200), [reading(0, value)], [], NOW, timedelta(days=1))
        assert rows is not None
        spec = draw(rows)
        specs.append(_without_data(spec))
    assert specs[0] == specs[1]


def _without_data(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {
            key: _without_data(value)
            for key, value in spec.items()
            if key not in {"data", "datasets", "name", "views"}
        }
    return [_without_data(value) for value in spec] if isinstance(spec, list) else spec


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(fill: str, background: str) -> str:
    """A band's fill as the chart's background shows it."""
    mixed = (
        round(
            int(fill[place : place + 2], 16) * theme.BAND_OPACITY
            + int(background[place : place + 2], 16) * (1 - theme.BAND_OPACITY)
        )
        for place in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


@pytest.mark.parametrize("band", list(Band))
def test_every_band_has_a_colour_on_which_its_word_is_legible(band: Band) -> None:
    paint = theme.BANDS[band]
    assert contrast(paint.fill, paint.text) >= 4.5
    assert band.words in theme.band_chip(band)


@pytest.mark.parametrize("ink", [theme.LIGHT, theme.DARK])
@pytest.mark.parametrize("band", list(Band))
def test_lines_and_words_stand_out_from_the_bands(band: Band, ink: theme.Ink) -> None:
    background = over(theme.BANDS[band].fill, ink.background)
    assert contrast(ink.line, background) >= 4.5
    assert contrast(ink.faint, background) >= 3.0
    assert contrast(ink.accent, background) >= 3.0


def test_no_two_bands_share_a_colour() -> None:
    fills = [paint.fill for paint in theme.BANDS.values()]
    assert all(one != other for one, other in combinations(fills, 2))

"""The page in each state that a user can find it in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.ledger.schema import migrate

OpenPage = Callable[[], AppTest]
Fill = Callable[..., str]


def cards(page: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in page.metric}


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def test_without_a_ledger_the_page_says_how_to_start(open_page: OpenPage) -> None:
    page = open_page()
    assert not page.exception
    assert "carbon-aware up --demo" in said(page)
    assert not page.metric


def test_a_wrong_address_is_explained_without_a_traceback(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_URL", "no address")
    page = open_page()
    assert not page.exception
    assert not page.metric


def test_an_empty_ledger_invents_no_number(ledger_url: str, open_page: OpenPage) -> None:
    migrate(ledger_url)
    page = open_page()
    assert not page.exception
    shown = cards(page)
    assert shown["Carbon intensity, gCO\u2082/kWh"] == "unknown"
    assert shown["Cleanest window ahead"] == "unknown"
    assert "carbon-aware submit" in said(page)
    assert "Nothing is known of the grid yet" in said(page)
    assert "No worker is running" in said(page)


def test_a_busy_ledger_shows_every_panel(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page()
    assert not page.exception
    shown = cards(page)
    assert shown["Jobs deferred"] == "20"
    assert shown["Jobs done"] == "45"
    assert shown["Jobs running"] == "4"
    assert shown["Capacity in use, jobs"].startswith("4 of ")
    assert float(shown["CO\u2082 avoided in 30 days, g"]) > 0
    assert "CO\u2082 avoided today, g" in shown
    assert int(shown["Carbon intensity, gCO\u2082/kWh"]) > 0
    assert len(page.get("vega_lite_chart")) == 3
    assert len(page.dataframe) == 2
    assert "SIMULATED" not in said(page)
    assert "deferred" in said(page)


def test_the_charts_name_their_units(fill: Fill, open_page: OpenPage) -> None:
    fill()
    specs = [json.loads(chart.proto.spec) for chart in open_page().get("vega_lite_chart")]
    text = json.dumps(specs, ensure_ascii=False)
    for title in ("gCO\u2082/kWh", "Time (your time zone)", "Jobs at once", "Jobs waiting"):
        assert title in text


def test_simulated_data_is_marked(fill: Fill, open_page: OpenPage) -> None:
    fill(simulated=True, period_seconds=5.0, history=40)
    page = open_page()
    assert "SIMULATED" in said(page)
    assert "Simulated grid." in said(page)


def test_with_the_index_alone_grams_stay_unknown(fill: Fill, open_page: OpenPage) -> None:
    fill(grams=False)
    page = open_page()
    assert not page.exception
    shown = cards(page)
    assert float(shown["Signal index, percentile"]) >= 0
    assert shown["CO\u2082 avoided in 30 days, g"] == "unknown"
    assert shown["Cleanest window ahead"] == "unknown"
    told = {each.proto.label: each.proto.delta_description for each in page.metric}
    assert told["CO\u2082 avoided in 30 days, g"] == "grams are not known here"
    assert "Circles are" not in said(page)
    assert len(page.get("vega_lite_chart")) == 3


def test_an_overdue_grid_falls_back_to_its_forecast(fill: Fill, open_page: OpenPage) -> None:
    fill(stale_periods=5.0)
    page = open_page()
    assert not page.exception
    assert "from the last forecast" in said(page)
    (overdue,) = [str(note.value) for note in page.warning if "overdue" in str(note.value)]
    assert overdue.startswith("The last update is ")
    assert overdue.endswith("overdue\\.")


def test_an_overdue_grid_without_a_forecast_is_unknown(fill: Fill, open_page: OpenPage) -> None:
    fill(stale_periods=5.0, grams=False)
    page = open_page()
    assert not page.exception
    assert cards(page)["Carbon intensity, gCO\u2082/kWh"] == "unknown"


def test_the_last_known_values_outlive_the_ledger(
    fill: Fill, open_page: OpenPage, tmp_path: Path
) -> None:
    fill()
    before = cards(open_page())
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    page = open_page()
    assert not page.exception
    assert "The ledger does not answer" in said(page)
    assert cards(page)["Jobs done"] == before["Jobs done"]


def test_a_ledger_that_was_replaced_is_read_anew(
    fill: Fill, open_page: OpenPage, tmp_path: Path
) -> None:
    fill(jobs=80)
    open_page()
    for file in tmp_path.glob("ledger.db*"):
        file.rename(file.with_name(f"old-{file.name}"))
    fill(jobs=8)
    assert cards(open_page())["Jobs deferred"] == "2"

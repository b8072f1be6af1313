"""The page Jobs in each state that a user can find it in."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.data.jobs import Choice, as_csv
from shared.domain.jobs import State
from shared.ledger.schema import migrate, open_engine

OpenPage = Callable[..., AppTest]
Fill = Callable[..., str]


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def shown(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["State"]) if page.dataframe else []


def button(page: AppTest, label: str):
    return next(each for each in page.button if each.label == label)


def test_without_a_ledger_the_page_says_how_to_start(open_page: OpenPage) -> None:
    page = open_page("jobs")
    assert not page.exception
    assert "carbon-aware up --demo" in said(page)


def test_an_empty_ledger_says_that_no_job_matches(ledger_url: str, open_page: OpenPage) -> None:
    migrate(ledger_url)
    page = open_page("jobs")
    assert not page.exception
    assert "No job matches" in said(page)
    everything = open_page("jobs", period="all")
    assert "No jobs yet" in said(everything)


def test_a_busy_ledger_fills_the_table(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page("jobs")
    assert not page.exception
    assert len(shown(page)) == 50
    assert {"done", "waiting for cleaner power"} <= set(shown(page))
    done = page.dataframe[0].value
    assert set(done[done["State"] == "done"]["Progress"]) == {100.0}
    assert "Region" not in done.columns
    assert not button(page, "Older").disabled
    assert button(page, "Newer").disabled


def test_older_jobs_are_on_the_next_page(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page("jobs")
    first = list(page.dataframe[0].value["Submitted"])
    button(page, "Older").click().run()
    second = list(page.dataframe[0].value["Submitted"])
    assert len(second) == 30
    assert max(second) <= min(first)
    assert button(page, "Older").disabled
    assert "before" in page.query_params
    button(page, "Newer").click().run()
    assert list(page.dataframe[0].value["Submitted"]) == first


def test_a_filter_from_the_address_holds(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page("jobs", state="running")
    assert set(shown(page)) == {"running"}
    assert page.multiselect(key="state").value == [State.RUNNING]


def test_a_new_filter_begins_at_the_newest(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page("jobs")
    button(page, "Older").click().run()
    page.text_input(key="q").set_value("share is away").run()
    assert set(shown(page)) == {"failed for good"}
    assert "before" not in page.query_params


@pytest.mark.parametrize("nonsense", ["", "yesterday~x", "~", "2026-01-01T00:00:00Z~none"])
def test_an_address_that_means_nothing_shows_the_newest(
    fill: Fill, open_page: OpenPage, nonsense: str
) -> None:
    fill(jobs=8)
    page = open_page("jobs", before=nonsense)
    assert not page.exception
    assert len(shown(page)) == 8


@pytest.mark.parametrize(
    "scene",
    [{"grams": False}, {"simulated": True, "period_seconds": 5.0}, {"stale_periods": 5.0}],
)
def test_the_table_stands_in_every_kind_of_ledger(
    fill: Fill, open_page: OpenPage, scene: dict[str, object]
) -> None:
    fill(**scene)
    page = open_page("jobs")
    assert not page.exception
    assert len(shown(page)) == 50
    assert ("SIMULATED" in said(page)) == ("simulated" in scene)


def test_the_last_known_table_outlives_the_ledger(
    fill: Fill, open_page: OpenPage, tmp_path: Path
) -> None:
    fill()
    before = shown(open_page("jobs"))
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    page = open_page("jobs")
    assert not page.exception
    assert shown(page) == before
    assert "The ledger does not answer" in said(page)


def test_the_file_holds_what_is_filtered(fill: Fill) -> None:
    engine = open_engine(fill())
    choice = Choice(states=(State.SUCCEEDED,), period=timedelta(days=2))
    rows = list(csv.DictReader(io.StringIO(as_csv(engine, choice).decode())))
    engine.dispose()
    assert len(rows) == 45
    assert {row["state"] for row in rows} == {"succeeded"}
    assert all(float(row["energy_kwh"]) > 0 for row in rows)
    assert all(datetime.fromisoformat(row["submitted_at"]).tzinfo is UTC for row in rows)

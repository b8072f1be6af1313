"""What cards and charts say of few jobs, of nearly all jobs, and in which unit."""

import runpy
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard import frames_system
from dashboard.views import savings_cards, savings_panels
from shared.domain.jobs import State
from shared.ledger.reads import JobCounts
from shared.ledger.reads.queues import WaitingJobs
from shared.ledger.reads.report_rows import GroupBy

ROWS: Any = runpy.run_path(str(Path(__file__).with_name("test_savings_frames.py")))
ROW, REAL = ROWS["ROW"], ROWS["REAL"]


def _cards(show, kind):
    """A page of its own: only what it is given exists in it."""
    show(kind, [kind])


def _breakdown(show, kind, by):
    show(kind, by)


def cards(jobs: int, known: int) -> dict[str, tuple[str, str]]:
    """Each card's value and remark."""
    kind = replace(REAL, total=replace(ROW, jobs=jobs, known_jobs=known))
    page = AppTest.from_function(_cards, args=(savings_cards.show, kind)).run()
    assert not page.exception
    return {each.label: (str(each.value), str(each.delta)) for each in page.metric}


def test_not_all_is_never_said_to_be_all() -> None:
    assert cards(428, 426)["Figures known for"] == ("99 % of jobs", "2 jobs of 428 in no sum")
    assert cards(428, 428)["Figures known for"] == ("100 % of jobs", "428 jobs, none left out")


def test_one_job_is_no_plural() -> None:
    shown = cards(1, 1)
    assert shown["Figures known for"][1] == "1 job, none left out"
    assert shown["Ended after their deadline"][1] == "of 1 job"


def test_a_queue_in_which_nothing_waits_is_listed_too() -> None:
    none = JobCounts(**dict.fromkeys((field.name for field in fields(JobCounts)), 0))
    since = datetime(2026, 11, 23, tzinfo=UTC)
    ready = [WaitingJobs(State.READY, "CAISO_NORTH", lane, 3, since) for lane in ("high", "normal")]
    rows = frames_system.queues(ready, none, [])
    assert rows["Queue"].tolist() == [
        "intake, to be decided",
        "timetable, waiting for a cleaner time",
        "ready",
        "ready",
        "waiting to try again",
        "paused, to be planned again",
        "given to workers, not begun",
        "dead letters, failed for good",
        "rejected messages, no valid jobs",
    ]
    assert rows["Jobs"].tolist() == [0, 0, 3, 3, 0, 0, 0, 0, 0]


def test_neighbouring_charts_have_one_unit() -> None:
    row = replace(ROW, avoided_g=400.0, promised_g=1200.0, realised_g=400.0)
    kind = replace(REAL, rows=(row,))
    drawn = (savings_panels.breakdown, kind, GroupBy.TYPE)
    page = AppTest.from_function(_breakdown, args=drawn).run()
    assert not page.exception
    charts = [chart.proto.spec for chart in page.get("vega_lite_chart")]
    assert len(charts) == 2
    assert all("avoided, kg" in spec for spec in charts)

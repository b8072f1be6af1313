"""What the dashboard reads: the table of jobs, deadlines, queues over time, savings of a span."""

import runpy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, Priority, State
from shared.ledger.reads import dashboard_live, recent_jobs
from shared.ledger.reads.dashboard_live import avoided_since, deadlines, waiting_since
from shared.ledger.reads.pages import (
    JobFilter,
    JobPage,
    Mark,
    all_job_lines,
    job_lines,
    job_types,
)
from shared.ledger.schema import open_engine

BUSY = runpy.run_path(str(Path(__file__).parents[1] / "dashboard" / "busy_ledger.py"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LIMIT = 1000
REGION = "CAISO_NORTH"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"
    BUSY["fill"](url, BUSY["Scene"]())
    engine = open_engine(url)
    yield engine
    engine.dispose()


def ids(page: JobPage) -> list[UUID]:
    return [line.id for line in page.lines]


def test_pages_lead_through_all_jobs_and_back(engine: Engine) -> None:
    everything = ids(job_lines(engine, JobFilter(), limit=LIMIT))
    assert len(everything) == 80
    pages = [job_lines(engine, JobFilter(), limit=30)]
    assert not pages[0].newer
    while pages[-1].older:
        last = pages[-1].lines[-1]
        mark = Mark(last.submitted_at, last.id)
        pages.append(job_lines(engine, JobFilter(), limit=30, before=mark))
    assert [each for page in pages for each in ids(page)] == everything
    first = pages[-1].lines[0]
    back = job_lines(engine, JobFilter(), limit=30, after=Mark(first.submitted_at, first.id))
    assert ids(back) == ids(pages[-2])
    assert back.newer
    assert back.older
    top = back.lines[0]
    newest = job_lines(engine, JobFilter(), limit=30, after=Mark(top.submitted_at, top.id))
    assert ids(newest) == ids(pages[0])
    assert not newest.newer


def test_newest_jobs_come_first(engine: Engine) -> None:
    times = [line.submitted_at for line in job_lines(engine, JobFilter(), limit=LIMIT).lines]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "most"),
    [
        (JobFilter(states=(State.DEFERRED,)), 20),
        (JobFilter(states=(State.DEAD, State.RUNNING)), 7),
        (JobFilter(types=("ml_training",)), 20),
        (JobFilter(types=("nothing of that name",)), 0),
        (JobFilter(priorities=(Priority.NORMAL,)), 80),
        (JobFilter(priorities=(Priority.LOW,)), 0),
        (JobFilter(regions=(REGION,)), 80),
        (JobFilter(regions=("ELSEWHERE",)), 0),
        (JobFilter(text="TRAINING"), 20),
        (JobFilter(text="share is away"), 3),
        (JobFilter(text="100%"), 0),
        (JobFilter(text="ml-training"), 0),
        (JobFilter(states=(State.DEFERRED,), types=("nightly_report",)), 0),
    ],
)
def test_filters_leave_what_they_say(engine: Engine, wanted: JobFilter, most: int) -> None:
    found = job_lines(engine, wanted, limit=LIMIT).lines
    assert len(found) == most
    assert list(all_job_lines(engine, wanted, limit=LIMIT)) == list(found)


def test_a_period_leaves_out_what_is_older(engine: Engine) -> None:
    times = [line.submitted_at for line in job_lines(engine, JobFilter(), limit=LIMIT).lines]
    since = times[len(times) // 2]
    found = job_lines(engine, JobFilter(since=since), limit=LIMIT).lines
    assert len(found) == sum(at >= since for at in times)


def test_a_job_is_found_by_the_beginning_of_its_id(engine: Engine) -> None:
    wanted = recent_jobs(engine, limit=1)[0].id
    assert ids(job_lines(engine, JobFilter(text=str(wanted)[:10]), limit=LIMIT)) == [wanted]


def test_the_types_of_jobs_are_listed_once(engine: Engine) -> None:
    kinds = ["database_backup", "ml_training", "nightly_report", "video_transcode"]
    assert job_types(engine, LONG_AGO) == kinds
    later = datetime.now(UTC) + timedelta(days=1)
    waiting = [state for state in State if state not in FINAL_STATES]
    unfinished = job_lines(engine, JobFilter(states=tuple(waiting)), limit=LIMIT).lines
    assert job_types(engine, later) == sorted({str(line.type) for line in unfinished})


def test_deadlines_are_those_of_unfinished_jobs(engine: Engine) -> None:
    jobs = job_lines(engine, JobFilter(), limit=LIMIT).lines
    over = {State.SUCCEEDED, State.DEAD}
    unfinished = [line for line in jobs if line.state not in over]
    found = deadlines(engine, REGION, LONG_AGO, datetime.now(UTC) + timedelta(days=9))
    assert sum(each.jobs for each in found) == len(unfinished)
    assert [each.at for each in found] == sorted({line.deadline for line in unfinished})


def test_what_waits_at_the_end_is_what_waits_now(engine: Engine) -> None:
    jobs = job_lines(engine, JobFilter(), limit=LIMIT).lines
    steps = waiting_since(engine, REGION, LONG_AGO)
    assert steps[-1].deferred == sum(line.state is State.DEFERRED for line in jobs)
    assert steps[-1].ready == sum(line.state is State.READY for line in jobs)
    assert all(step.deferred >= 0 and step.ready >= 0 for step in steps)
    assert waiting_since(engine, "ELSEWHERE", LONG_AGO) == []


def test_a_late_beginning_changes_nothing_of_the_end(engine: Engine) -> None:
    since = datetime.now(UTC) - timedelta(hours=3)
    short, long = waiting_since(engine, REGION, since), waiting_since(engine, REGION, LONG_AGO)
    assert short[0].at == since
    assert (short[-1].deferred, short[-1].ready) == (long[-1].deferred, long[-1].ready)
    before = [step for step in long if step.at <= since][-1]
    assert short[0].deferred + short[0].ready == before.deferred + before.ready


def test_of_many_changes_the_ends_and_the_sums_stay(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = waiting_since(engine, REGION, LONG_AGO)
    monkeypatch.setattr(dashboard_live, "MOST_STEPS", 10)
    few = waiting_since(engine, REGION, LONG_AGO)
    assert 2 < len(few) <= 10 < len(every)
    assert set(few) < set(every)
    assert (few[0], few[-1]) == (every[0], every[-1])


def test_savings_of_a_span_are_of_one_kind(engine: Engine) -> None:
    marginal = avoided_since(engine, LONG_AGO, signal=Signal.MARGINAL, simulated=False)
    jobs = job_lines(engine, JobFilter(states=(State.SUCCEEDED, State.DEAD)), limit=LIMIT).lines
    assert marginal.jobs == len(jobs)
    assert marginal.avoided_g == pytest.approx(sum(line.avoided_g or 0.0 for line in jobs))
    simulated = avoided_since(engine, LONG_AGO, signal=Signal.MARGINAL, simulated=True)
    assert (simulated.avoided_g, simulated.jobs) == (None, 0)
    assert simulated.unknown_jobs == len(jobs)
    nothing = avoided_since(
        engine, datetime.now(UTC) + timedelta(days=1), signal=None, simulated=None
    )
    assert (nothing.avoided_g, nothing.baseline_g, nothing.unknown_jobs) == (0.0, 0.0, 0)

"""What a report says of jobs that are pruned: their sums by whole days, and what is gone."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.embodied import Server
from shared.domain.grid import Signal
from shared.ledger.reads import report as reads
from shared.ledger.reads.pruned import PrunedPast, Uncounted, pruned_past
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.reads.spans import first_finish
from shared.report.columns import remarks
from shared.report.data import Figures, Question, Report, read_report

HOUR, DAY = 3_600.0, 86_400.0
MIDNIGHT = 12 * HOUR
"""The story begins at noon."""
DAYS = 6
SERVER = Server(1000.0, 4.0, 16.0)


def ended(day: int, hour: float) -> float:
    """When a job ended, in seconds of the story: on a UTC day of it, at an hour of that day."""
    return MIDNIGHT + day * DAY + hour * HOUR


ENDS = [ended(day, hour) for day in range(DAYS) for hour in (3, 9, 15, 21)]


@pytest.fixture
def told(ledger: Any, story: Any) -> Any:
    """Four jobs a day, each 1 kWh in 300 s on a grid of 300 g/kWh."""
    hours = range(int(MIDNIGHT / HOUR), int(ended(DAYS, 24) / HOUR))
    events = [story.intensity(HOUR * n, 300.0, period_seconds=HOUR) for n in hours]
    for number, end in enumerate(ENDS):
        events.append(story.accepted(number, end - 300, deadline=story.at(end + HOUR)))
        events.append(story.succeeded(number, end - 300, end))
    ledger.record(*events)
    ledger.settle()
    return ledger


def silent(_: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


def report(ledger: Any, since: datetime, until: datetime, **more: Any) -> Report:
    asked = Question(since, until, until, more.pop("by", GroupBy.DAY), SERVER, **more)
    return read_report(ledger.engine, asked, silent)


def total(found: Report) -> Figures:
    (kind,) = found.kinds
    return found.total(kind)


def test_nothing_is_gone_from_a_ledger_that_was_never_pruned(told: Any, story: Any) -> None:
    assert pruned_past(told.engine, story.at(0), story.at(1e6)) == PrunedPast(None)
    found = total(report(told, story.at(0), story.at(ended(DAYS, 0))))
    assert (found.pruned_jobs, found.run_seconds) == (0, 300 * len(ENDS))
    assert remarks(found) == []


def test_a_cut_day_of_the_pruned_time_is_told(told: Any, story: Any) -> None:
    told.prune(story.at(ended(4, 0)))
    begin, end = story.at(ended(1, 12)), story.at(ended(5, 0))
    found = report(told, begin, end)
    assert found.pruned.before == story.at(ended(4, 0))
    # Of day 1 those at 15 and 21 are missing; nobody can tell that they are two of its four.
    assert found.pruned.uncounted == (Uncounted(begin, story.at(ended(2, 0)), 4),)
    assert total(found).row.jobs == 3 * 4


def test_both_ends_may_cut_a_day_and_a_limit_within_one_ends_the_gap(told: Any, story: Any) -> None:
    told.prune(story.at(ended(3, 12)))
    begin, end = story.at(ended(1, 12)), story.at(ended(3, 18))
    first, last = pruned_past(told.engine, begin, end).uncounted
    assert first == Uncounted(begin, story.at(ended(2, 0)), 4)
    assert last == Uncounted(story.at(ended(3, 0)), story.at(ended(3, 12)), 2)
    assert total(report(told, begin, end)).row.jobs == 4 + 1


def test_whole_days_and_days_without_pruned_jobs_have_no_gap(told: Any, story: Any) -> None:
    told.prune(story.at(ended(4, 0)))
    for since, until in (
        (ended(0, 0), ended(6, 0)),
        (ended(2, 0), ended(5, 18)),
        (-10 * DAY + 1, ended(3, 0)),
        (ended(4, 12), ended(5, 12)),
    ):
        assert pruned_past(told.engine, story.at(since), story.at(until)).uncounted == ()


def test_what_is_not_counted_is_always_told(told: Any, story: Any) -> None:
    limit = ended(3, 12)
    told.prune(story.at(limit))
    chance = random.Random(6)
    for _ in range(60):
        since = chance.choice([*ENDS, ended(chance.randrange(5), 0), chance.uniform(0, 5 * DAY)])
        until = since + chance.choice([1.0, HOUR, DAY, 2 * DAY, chance.uniform(1, 3 * DAY)])
        begin, end = story.at(since), story.at(until)
        jobs = sum(kind.total.jobs for kind in reads.report(told.engine, begin, end, GroupBy.TYPE))
        missing = sum(begin <= story.at(at) < end for at in ENDS) - jobs
        gaps = pruned_past(told.engine, begin, end).uncounted
        told_of = [at for at in ENDS for gap in gaps if gap.since <= story.at(at) < gap.until]
        assert missing == sum(at < limit for at in told_of)
        assert missing <= sum(gap.most_jobs for gap in gaps)


def test_figures_that_need_each_job_are_unknown_where_some_are_gone(told: Any, story: Any) -> None:
    told.prune(story.at(ended(2, 0)))
    found = report(told, story.at(ended(0, 0)), story.at(ended(4, 0)))
    (kind,) = found.kinds
    of_day = {figures.row.group: figures for figures in found.rows(kind)}
    gone, kept = of_day["2026-11-23"], of_day["2026-11-25"]
    assert (gone.pruned_jobs, gone.run_seconds, gone.sci_g_per_job) == (4, None, None)
    assert gone.optimum_unknown_reason == "4 jobs: they were pruned"
    assert gone.row.sci_operational_g_per_job == pytest.approx(300)
    assert (kept.pruned_jobs, kept.run_seconds, kept.optimum_unknown_reason) == (0, 1200, None)
    assert kept.sci_g_per_job == pytest.approx(300 + SERVER.embodied_g(300))
    assert (total(found).row.known_jobs, total(found).run_seconds) == (16, None)
    assert remarks(total(found)) == [
        "what was possible is not known of 8 jobs: they were pruned",
        "no SCI: how long 8 pruned jobs ran is not known",
    ]


def test_a_quick_report_of_pruned_jobs_is_as_quick_as_any(told: Any, story: Any) -> None:
    told.prune(story.at(ended(2, 0)))
    found = total(report(told, story.at(ended(0, 0)), story.at(ended(4, 0)), quick=True))
    assert remarks(found) == ["what was possible is left out of a quick report"]


def test_jobs_that_are_recorded_while_a_report_is_made_are_not_called_pruned(
    told: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.prune(story.at(ended(-1, 0)))
    since, until = story.at(ended(0, 0)), story.at(ended(DAYS, 0))
    sums = reads.report(told.engine, since, until, GroupBy.DAY)
    more = ended(DAYS - 1, 23)
    told.record(story.accepted(99, more - 300), story.succeeded(99, more - 300, more))
    told.settle()
    monkeypatch.setattr(reads, "report", lambda *_: sums)
    found = total(report(told, since, until))
    assert (found.row.known_jobs, found.pruned_jobs) == (len(ENDS), 0)
    assert found.sci_g_per_job is not None


@pytest.mark.parametrize("days", [1, 2, 4])
def test_the_lines_of_whole_pruned_days_reach_their_sums(told: Any, story: Any, days: int) -> None:
    told.prune(story.at(ended(3, 0)))
    since, until = story.at(ended(0, 0)), story.at(ended(days, 0))
    curve = reads.curves(told.engine, since, until, 240)[Signal.MARGINAL, False]
    assert (curve[0].at, curve[-1].at) == (since, until)
    assert curve[-1].emissions_g == pytest.approx(days * 4 * 300)


def test_the_first_end_is_that_of_a_pruned_day(told: Any, story: Any) -> None:
    told.prune(story.at(ended(2, 12)))
    day = timedelta(days=1)
    begin = story.at(ended(0, 0))
    assert first_finish(told.engine, begin - day) == begin
    assert first_finish(told.engine, begin + timedelta(hours=1)) == begin + day
    # Of the part of a day nothing but what is left is known.
    assert first_finish(told.engine, story.at(ended(2, 1))) == story.at(ended(2, 15))
    told.prune(story.at(ended(DAYS, 0)))
    assert first_finish(told.engine, story.at(ended(5, 0))) == story.at(ended(5, 0))
    assert first_finish(told.engine, story.at(ended(5, 1))) is None

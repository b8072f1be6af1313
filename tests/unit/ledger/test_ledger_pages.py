"""Pages of jobs: every job once, in order, however they are chosen and cut."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.grid import Signal
from shared.domain.jobs import Priority, State
from shared.ledger import reads
from shared.ledger.reads import pages
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.reads.waiting import deferral_costs, wait_distribution


@pytest.fixture
def many(ledger: Any, story: Any) -> Any:
    """Nine jobs of two types, of which some were submitted at the same instant."""
    for number in range(9):
        kind = {"type": "etl" if number % 3 else "ml_training"}
        kind["priority"] = Priority.HIGH if number == 4 else Priority.NORMAL
        ledger.record(story.accepted(number, 10 * (number // 2), **kind))
    ledger.record(story.deferred(1, 200, 900), story.deferred(2, 200, 900), story.released(3, 200))
    ledger.record(story.started(20, 5))  # of whose submission nothing was heard
    return ledger


def walk(ledger: Any, wanted: reads.JobFilter, limit: int) -> list[UUID]:
    """The jobs of all pages."""
    found: list[UUID] = []
    mark = None
    while True:
        page = reads.job_lines(ledger.engine, wanted, limit=limit, before=mark)
        assert len(page.lines) <= limit
        found += [line.id for line in page.lines]
        if not page.older:
            return found
        mark = reads.Mark(page.lines[-1].submitted_at, page.lines[-1].id)


def newest_first(story: Any) -> list[UUID]:
    ids = {number: story.job_id(number) for number in range(9)}
    order = sorted(ids, key=lambda number: (number // 2, ids[number]), reverse=True)
    return [ids[number] for number in order]


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10, 50])
def test_pages_hold_every_job_once_and_in_order(many: Any, story: Any, limit: int) -> None:
    assert walk(many, reads.JobFilter(), limit) == newest_first(story)


def test_every_line_is_read_however_few_at_once(
    many: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 2)
    found = pages.all_job_lines(many.engine, reads.JobFilter(), limit=50)
    assert [line.id for line in found] == newest_first(story)
    few = pages.all_job_lines(many.engine, reads.JobFilter(), limit=5)
    assert [line.id for line in few] == newest_first(story)[:5]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (reads.JobFilter((State.DEFERRED,)), {1, 2}),
        (reads.JobFilter((State.DEFERRED, State.READY)), {1, 2, 3}),
        (reads.JobFilter((State.SUCCEEDED,)), set()),
        (reads.JobFilter(types=("ml_training",)), {0, 3, 6}),
        (reads.JobFilter(types=("ml_training", "etl"), text="train"), {0, 3, 6}),
        (reads.JobFilter(types=("etl",), text="train"), set()),
        (reads.JobFilter(priorities=(Priority.HIGH,)), {4}),
        (reads.JobFilter(regions=("CAISO_NORTH",)), {1, 2, 3}),
        (reads.JobFilter(text="TRAIN"), {0, 3, 6}),
        (reads.JobFilter((State.READY,), text="train"), {3}),
        (reads.JobFilter(text="nothing of that name"), set()),
    ],
)
def test_pages_hold_what_was_asked_for(
    many: Any, story: Any, wanted: reads.JobFilter, numbers: set[int]
) -> None:
    for limit in (1, 50):
        found = walk(many, wanted, limit)
        assert len(found) == len(numbers)
        assert set(found) == {story.job_id(number) for number in numbers}


def test_the_text_may_be_the_beginning_of_an_id(many: Any, story: Any) -> None:
    begun = str(story.job_id(5))[:10].upper()
    assert walk(many, reads.JobFilter(text=begun), 50) == [story.job_id(5)]


@pytest.fixture
def failed(many: Any, story: Any) -> Any:
    """Of the nine jobs 3, 4, 5 and 6 failed; 5 succeeded then, and 6 died."""
    for number in (3, 4, 5, 6):
        many.record(story.failed(number, 300, 310))
    many.record(story.succeeded(5, 320, 330, attempt=2), story.died(6, 311, 1))
    return many


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (reads.JobFilter(text="attempt 1 BROKE"), {3, 4}),
        (reads.JobFilter(text="broke", types=("etl",)), {4}),
        (reads.JobFilter(text="broke", priorities=(Priority.HIGH,)), {4}),
        (reads.JobFilter((State.READY, State.DEAD), text="o"), {3, 6}),
        (reads.JobFilter((State.SUCCEEDED,), text="broke"), set()),
        (reads.JobFilter(text="br%ke"), set()),
    ],
)
def test_jobs_are_found_by_a_word_of_the_failure_that_they_show(
    failed: Any, story: Any, wanted: reads.JobFilter, numbers: set[int]
) -> None:
    for limit in (1, 50):
        found = walk(failed, wanted, limit)
        assert len(found) == len(numbers)
        assert set(found) == {story.job_id(number) for number in numbers}


def test_failures_of_a_time_leave_out_older_jobs(failed: Any, story: Any) -> None:
    since = reads.JobFilter(text="broke", since=story.at(20))
    assert walk(failed, since, 50) == [story.job_id(4)]


def test_a_job_shows_the_beginning_of_a_long_error_and_its_attempt_all(
    ledger: Any, story: Any
) -> None:
    long = "\N{FULLWIDTH LATIN SMALL LETTER A}" * 9_000
    ledger.record(story.accepted(1, 0), story.failed(1, 2, 3).model_copy(update={"error": long}))
    (line,) = reads.job_lines(ledger.engine, reads.JobFilter(text=long[:10]), limit=9).lines
    assert line.error == long[:500]
    assert reads.attempts(ledger.engine, story.job_id(1))[0].error == long


def finished(ledger: Any, story: Any) -> None:
    """Three jobs of 0, 60 and 600 s of wait, of which the second was deferred."""
    ledger.record(story.intensity(0, 400.0), story.intensity(300, 100.0))
    for number, begun in ((1, 0), (2, 60), (3, 600)):
        ledger.record(story.accepted(number, 0), story.started(number, begun))
        ledger.record(story.succeeded(number, begun, begun + 60))
    ledger.record(story.deferred(3, 1, until=600, deferrals=1))
    ledger.settle()


def test_waits_are_spread_over_buckets_a_tenth_wide(ledger: Any, story: Any) -> None:
    finished(ledger, story)
    (found,) = wait_distribution(ledger.engine, story.at(0), story.at(9999)).values()
    assert [bucket.jobs for bucket in found] == [1, 1, 1]
    for bucket, waited in zip(found, (0.0, 60.0, 600.0), strict=True):
        assert bucket.from_seconds <= waited < bucket.to_seconds


def test_what_deferring_cost_stands_beside_what_it_brought(ledger: Any, story: Any) -> None:
    finished(ledger, story)
    (cost,) = deferral_costs(ledger.engine, story.at(0), story.at(9999), GroupBy.TYPE)
    assert (cost.signal, cost.simulated, cost.group) == (Signal.MARGINAL, False, "ml_training")
    assert (cost.deferred_jobs, cost.mean_wait_seconds) == (1, 600.0)
    assert cost.avoided_g == pytest.approx(300.0)
    assert deferral_costs(ledger.engine, story.at(0), story.at(600), GroupBy.TYPE) == []

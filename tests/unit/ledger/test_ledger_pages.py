"""Pages of jobs: every job once, in order, however they are chosen and cut."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.grid import Signal
from shared.domain.jobs import Priority, State
from shared.ledger import reads
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


def walk(ledger: Any, wanted: reads.JobFilter, limit: int, **order: bool) -> list[UUID]:
    """The jobs of all pages."""
    found: list[UUID] = []
    after = None
    while True:
        page = reads.job_page(ledger.engine, wanted, after=after, limit=limit, **order)
        assert len(page.jobs) <= limit
        found += [job.id for job in page.jobs]
        if page.following is None:
            return found
        after = page.following


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10, 50])
@pytest.mark.parametrize("order", ["oldest", "latest"])
def test_pages_hold_every_job_once_and_in_order(
    many: Any, story: Any, limit: int, order: str
) -> None:
    oldest_first = order == "oldest"
    found = walk(many, reads.JobFilter(), limit, oldest_first=oldest_first)
    ids = {number: story.job_id(number) for number in range(9)}
    dated = sorted(ids, key=lambda number: (number // 2, ids[number]), reverse=not oldest_first)
    assert found == [*(ids[number] for number in dated), story.job_id(20)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (reads.JobFilter(frozenset({State.DEFERRED})), {1, 2}),
        (reads.JobFilter(frozenset({State.DEFERRED, State.READY})), {1, 2, 3}),
        (reads.JobFilter(frozenset({State.SUCCEEDED})), set()),
        (reads.JobFilter(type="ml_training"), {0, 3, 6}),
        (reads.JobFilter(priority=Priority.HIGH), {4}),
        (reads.JobFilter(region="CAISO_NORTH"), {1, 2, 3, 20}),
        (reads.JobFilter(words="TRAIN"), {0, 3, 6}),
        (reads.JobFilter(frozenset({State.READY}), words="train"), {3}),
        (reads.JobFilter(words="nothing of that name"), set()),
    ],
)
def test_pages_hold_what_was_asked_for(
    many: Any, story: Any, wanted: reads.JobFilter, numbers: set[int]
) -> None:
    for limit in (1, 50):
        found = walk(many, wanted, limit)
        assert len(found) == len(numbers)
        assert set(found) == {story.job_id(number) for number in numbers}


def test_words_may_be_the_beginning_of_an_id(many: Any, story: Any) -> None:
    words = str(story.job_id(5))[:10].upper()
    assert walk(many, reads.JobFilter(words=words), 50) == [story.job_id(5)]


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

"""Readings that are told late: accounts are what they are in a ledger made from the export."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from alembic import command
from sqlalchemy import func, select

from shared.domain.grid import Freshness
from shared.domain.savings import IntensityMethod
from shared.ledger import reads
from shared.ledger.schema import alembic_config, writing
from shared.ledger.tables import events, jobs, readings

HOUR = 3600.0
DAY = 24 * HOUR
Rebuilt = Callable[[Any], Any]


def emissions_g(ledger: Any, story: Any) -> float | None:
    return reads.job_status(ledger.engine, story.job_id(1)).emissions_g


def is_as_rebuilt(ledger: Any, rebuilt: Rebuilt) -> bool:
    ledger.settle()
    return bool(rebuilt(ledger).all_rows() == ledger.all_rows())


@pytest.mark.parametrize(
    "earlier",
    [{"freshness": Freshness.FORECAST}, {"freshness": Freshness.LIVE}],
    ids=["expected", "observed"],
)
def test_a_point_whose_grams_are_taken_back_is_accounted_again(
    ledger: Any, story: Any, rebuilt: Rebuilt, earlier: dict[str, Any]
) -> None:
    grid = [story.intensity(-300, 100.0), story.intensity(300, 100.0)]
    ledger.record(*grid, story.intensity(0, 300.0, **earlier))
    ledger.record(story.accepted(1, 0), story.succeeded(1, 0, 600))
    assert emissions_g(ledger, story) == 200.0
    ledger.record(story.intensity(0, None, told=400))
    ledger.settle()
    job = reads.job_status(ledger.engine, story.job_id(1))
    assert (job.emissions_g, job.intensity_method) == (100.0, IntensityMethod.CARRIED)
    assert job.account_version == 2
    assert is_as_rebuilt_but_for_versions(ledger, rebuilt)


def is_as_rebuilt_but_for_versions(ledger: Any, rebuilt: Rebuilt) -> bool:
    """A rebuild in larger batches sees fewer of the steps in which things became known."""
    return bool(rebuilt(ledger).dump() == ledger.dump())


def cancelled_twice(story: Any) -> list[Any]:
    """By the scheduler at second 890, and by its worker, which cut it at second 1500."""
    return [
        *(story.intensity(300 * n, 100.0) for n in range(3)),
        story.accepted(1, 0),
        story.started(1, 0),
        story.cancelled(1, 890),
        story.cut(1, 0, 1500),
    ]


@pytest.mark.parametrize("cancellations", [1, -1], ids=["as they came", "the other way round"])
def test_a_reading_after_the_first_of_two_cancellations_counts(
    ledger: Any, story: Any, rebuilt: Rebuilt, cancellations: int
) -> None:
    *before, first, second = cancelled_twice(story)
    for event in [*before, *[first, second][::cancellations]]:
        ledger.record(event)
    assert emissions_g(ledger, story) == 100.0
    assert reads.job_status(ledger.engine, story.job_id(1)).finished_at == story.at(890)
    ledger.record(story.intensity(900, 400.0), story.intensity(1200, 400.0))
    ledger.settle()
    assert emissions_g(ledger, story) == pytest.approx((900 * 100 + 600 * 400) / 1500)
    assert is_as_rebuilt_but_for_versions(ledger, rebuilt)


def test_a_reading_within_a_baseline_that_ends_after_its_job_counts(
    ledger: Any, story: Any, rebuilt: Rebuilt
) -> None:
    """By its worker's clock it ran from second -200 to 250, so its baseline ends at 450."""
    ledger.record(story.intensity(-300, 100.0), story.intensity(0, 100.0))
    ledger.record(story.accepted(1, 0), story.succeeded(1, -200, 250))
    ledger.record(story.intensity(300, 400.0))
    ledger.settle()
    job = reads.job_status(ledger.engine, story.job_id(1))
    assert job.baseline_g == pytest.approx((300 * 100 + 150 * 400) / 450)
    assert is_as_rebuilt_but_for_versions(ledger, rebuilt)


def test_a_reading_before_a_submission_that_came_after_the_start_counts(
    ledger: Any, story: Any, rebuilt: Rebuilt
) -> None:
    """Its worker's clock is two hours behind that of who submitted it."""
    ledger.record(story.intensity(0, 100.0), story.intensity(2 * HOUR, 100.0))
    ledger.record(story.accepted(1, 2 * HOUR), story.succeeded(1, 0, 600))
    ledger.record(story.intensity(300, 400.0))
    ledger.settle()
    assert emissions_g(ledger, story) == pytest.approx(250.0)
    assert reads.job_status(ledger.engine, story.job_id(1)).wait_seconds == 0
    assert is_as_rebuilt_but_for_versions(ledger, rebuilt)


def test_a_job_that_goes_on_after_a_replay_needs_no_readings_yet(ledger: Any, story: Any) -> None:
    ledger.record(*cancelled_twice(story))
    assert until(ledger) == [story.at(1500)]
    ledger.record(story.accepted(2, 0), story.failed(2, 0, 600, attempt=1))
    ledger.record(story.died(2, 300, 1))
    assert until(ledger) == [story.at(600), story.at(1500)]
    ledger.record(story.replayed(2, 700, 1))
    assert until(ledger) == [story.at(1500)]


def until(ledger: Any) -> Sequence[Any]:
    known = jobs.c.account_until
    with ledger.engine.connect() as connection:
        return connection.scalars(select(known).where(known.is_not(None)).order_by(known)).all()


def test_older_ledgers_learn_how_far_their_accounts_reach(ledger: Any, story: Any) -> None:
    ledger.record(*cancelled_twice(story), story.accepted(2, 0), story.succeeded(2, 0, 300))
    before = ledger.all_rows()
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "0006")
        command.upgrade(alembic_config(connection), "head")
    assert ledger.all_rows() == before
    assert until(ledger) == [story.at(1500)]


def test_sqlite_finds_the_accounts_to_work_out_again_by_two_indices(sqlite_ledger: Any) -> None:
    plan = (
        "EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE (finished_at >= 1 OR account_until >= 1)"
        " AND attempts > 0"
    )
    with sqlite_ledger.engine.connect() as connection:
        said = " ".join(row[3] for row in connection.exec_driver_sql(plan))
    assert "ix_jobs_finished_at" in said
    assert "ix_jobs_account_until" in said
    assert "SCAN" not in said


def count(ledger: Any, table: Any, *where: Any) -> int:
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where))


def revised_and_waiting(story: Any) -> list[Any]:
    """A job whose baseline rests on revised readings, told of before it ran."""
    return [
        *(story.intensity(300 * n, 300.0) for n in range(90)),
        story.accepted(1, 0),
        story.deferred(1, 1, until=6 * HOUR, deferrals=1),
        story.revised(4 * HOUR, 0, [200.0] * 12),
        story.released(1, 6 * HOUR, deferrals=1),
        story.succeeded(1, 6 * HOUR, 7 * HOUR),
    ]


def test_a_revision_stays_as_long_as_what_it_revised(
    ledger: Any, story: Any, rebuilt: Rebuilt
) -> None:
    ledger.record(*revised_and_waiting(story))
    ledger.prune(story.at(6.5 * HOUR))
    job = reads.job_status(ledger.engine, story.job_id(1))
    assert job.baseline_g == 200.0
    assert is_as_rebuilt(ledger, rebuilt)


def test_a_revision_goes_with_what_it_revised(ledger: Any, story: Any, rebuilt: Rebuilt) -> None:
    ledger.record(*revised_and_waiting(story), story.intensity(9 * DAY, 300.0))
    ledger.prune(story.at(8 * DAY))
    assert count(ledger, events, events.c.type == "intensity.revised.v1") == 0
    assert is_as_rebuilt(ledger, rebuilt)


def test_a_point_that_was_told_before_it_began_outlives_a_limit_between_the_two(
    ledger: Any, story: Any, rebuilt: Rebuilt
) -> None:
    ledger.record(story.intensity(DAY, 300.0, told=DAY - 5), story.intensity(9 * DAY, 300.0))
    ledger.prune(story.at(DAY - 2))
    assert count(ledger, readings) == 2
    assert is_as_rebuilt(ledger, rebuilt)


def test_what_is_told_late_of_pruned_readings_brings_none_back(
    ledger: Any, story: Any, rebuilt: Rebuilt
) -> None:
    """Not even for a job of that time that is told of late: its grid is no longer known."""
    ledger.record(*(story.intensity(300 * n, 300.0) for n in range(12)))
    limit = ledger.prune(story.at(8 * DAY))
    assert limit.readings_before == story.at(8 * DAY)
    ledger.record(story.intensity(900, 50.0, told=9 * DAY))
    ledger.record(story.revised(9 * DAY, 8 * DAY - 600, [50.0] * 4))
    ledger.record(story.accepted(1, 1000), story.succeeded(1, 8 * DAY, 8 * DAY + 300))
    with ledger.engine.connect() as connection:
        kept = connection.scalars(select(readings.c.at).order_by(readings.c.at)).all()
    assert kept == [story.at(8 * DAY), story.at(8 * DAY + 300)]
    job = reads.job_status(ledger.engine, story.job_id(1))
    assert (job.emissions_g, job.baseline_g) == (50.0, None)
    assert is_as_rebuilt(ledger, rebuilt)

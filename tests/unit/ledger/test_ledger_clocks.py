"""Accounts do not depend on how the clocks of several machines differ."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.ledger import reads
from shared.ledger.reads.known_jobs import known_jobs


def account(ledger: Any, story: Any, number: int = 1) -> tuple[float | None, ...]:
    row = reads.job_status(ledger.engine, story.job_id(number))
    return row.emissions_g, row.baseline_g, row.avoided_g


def replayed(story: Any, *, ahead_seconds: float) -> list[Any]:
    """A job of 1 kWh that died, with a replay by somebody whose clock is ahead."""
    grid = [story.intensity(300 * n, 500.0 if n < 12 else 100.0) for n in range(40)]
    replay = story.replayed(1, 7200 + ahead_seconds, 1, deadline=9000)
    return [
        *grid,
        story.accepted(1, 0),
        story.failed(1, 0, 300),
        story.died(1, 300, 1),
        replay,
        story.succeeded(1, 7202, 7502, attempt=2),
    ]


@pytest.mark.parametrize("ahead_seconds", [-5.0, 0.0, 5.0, 600.0])
def test_a_replay_is_told_by_its_attempts(ledger: Any, story: Any, ahead_seconds: float) -> None:
    ledger.record(*replayed(story, ahead_seconds=ahead_seconds))
    # The failed attempt at 500 g, the replay at 100 g: its baseline begins when it was asked for.
    assert account(ledger, story) == (600.0, pytest.approx(100.0), pytest.approx(-500.0))
    (job,) = known_jobs(ledger.engine, story.at(0), story.at(20_000))
    assert job.submitted_s == story.at(7200 + ahead_seconds).timestamp()
    assert job.deadline_s == story.at(9000).timestamp()


def test_what_succeeded_before_a_replay_was_no_replay(ledger: Any, story: Any) -> None:
    """It may be asked for while the last attempt's success is on its way."""
    grid = [story.intensity(300 * n, 500.0 - 100 * n) for n in range(4)]
    ledger.record(*grid, story.accepted(1, 0), story.replayed(1, 100, 1))
    ledger.record(story.succeeded(1, 300, 600, attempt=1))
    assert account(ledger, story) == (400.0, 500.0, 100.0)


def ahead_of_the_scheduler(story: Any) -> list[Any]:
    """A job of 450 s that ends at second 250 by the clock of its worker, 200 s behind."""
    return [story.accepted(1, 0), story.succeeded(1, -200, 250)]


def test_no_other_job_decides_about_a_baseline(new_ledger: Callable[[], Any], story: Any) -> None:
    """It runs until second 450, after the job's end, where another job may still run."""
    grid = [story.intensity(300 * n, 200.0 + 100 * n, told=-300) for n in range(-1, 4)]
    alone, together = new_ledger(), new_ledger()
    alone.record(*grid, *ahead_of_the_scheduler(story))
    together.record(
        *grid, *ahead_of_the_scheduler(story), story.accepted(2, 0), story.succeeded(2, 0, 900)
    )
    baseline_g = (300 * 200 + 150 * 300) / 450
    assert account(alone, story) == account(together, story)
    assert account(alone, story)[1] == pytest.approx(baseline_g)


def test_no_other_job_decides_about_a_replay_before_its_attempts(
    new_ledger: Callable[[], Any], story: Any
) -> None:
    """Its acceptance is not known, so that nothing but the replay lies before the run."""
    grid = [story.intensity(300 * n, 200.0 + 100 * n) for n in range(8)]
    told = [story.replayed(1, 10, 1), story.succeeded(1, 1200, 1500, attempt=2)]
    alone, together = new_ledger(), new_ledger()
    alone.record(*grid, *told)
    together.record(*grid, *told, story.accepted(2, 0), story.succeeded(2, 0, 900))
    assert account(alone, story) == account(together, story)
    assert account(alone, story)[1] == pytest.approx((290 * 200 + 10 * 300) / 300)

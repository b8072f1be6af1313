"""How much of a job is left: what a checkpoint kept is done, what ran after it is not."""

import asyncio
from datetime import timedelta

import pytest

from services.worker_pool.running import Attempt, RunningAttempt
from shared.handlers import StopReason
from shared.messages import JobPaused


def runs_on(pool, context, *, until_seconds, kept_at_seconds):
    """Let the time of a run pass, with a checkpoint on the way."""
    begun = pool.clock.now
    for seconds in kept_at_seconds:
        pool.clock.now = begun + timedelta(seconds=seconds)
        context.checkpoint({"seconds": seconds})
    pool.clock.now = begun + timedelta(seconds=until_seconds)


@pytest.mark.parametrize(
    ("kept_at_seconds", "left_seconds"),
    [((60,), 3540.0), ((60, 1200), 2400.0), ((3599.5,), 1.0), ((5000,), 1.0), ((), None)],
)
async def test_a_failure_leaves_what_no_checkpoint_kept(
    pool, job, queued, kept_at_seconds, left_seconds
):
    async def work(payload, context):
        runs_on(pool, context, until_seconds=6000, kept_at_seconds=kept_at_seconds)
        raise RuntimeError("broke")

    out = await pool.run(work, queued(job(expected_duration_seconds=3600.0)))
    (again,) = out.retried
    assert again.remaining_seconds == left_seconds
    assert again.checkpoint == ({"seconds": kept_at_seconds[-1]} if kept_at_seconds else None)


async def test_a_later_piece_counts_from_what_the_one_before_it_left(pool, job, queued):
    asked = queued(job(expected_duration_seconds=3600.0), piece=2, remaining_seconds=3000.0)

    async def work(payload, context):
        runs_on(pool, context, until_seconds=2900, kept_at_seconds=(100,))
        running = attempts.running[asked.job.id]
        running.stop.ask(StopReason.DRAIN, why="its worker stops")
        running.cut()
        await asyncio.Event().wait()

    attempts = pool.attempts({"t": work})
    await attempts.run(asked, "pool", "R")
    (rest,) = pool.out.resumed
    assert (rest.piece, rest.remaining_seconds) == (3, 2900.0)
    assert pool.out.one(JobPaused).remaining_seconds == 2900.0


async def test_what_did_not_run_yet_is_handed_back_with_all_that_was_left(pool, job, queued):
    asked = queued(job(expected_duration_seconds=3600.0), remaining_seconds=500.0)
    running = RunningAttempt(Attempt(asked, "pool", "R", pool.clock()))
    assert running.returned().remaining_seconds == 500.0, "nothing ran yet"


async def test_a_clock_that_was_set_back_adds_no_work(pool, job, queued):
    async def work(payload, context):
        runs_on(pool, context, until_seconds=10, kept_at_seconds=(-1000,))
        raise RuntimeError("broke")

    out = await pool.run(work, queued(job(expected_duration_seconds=3600.0)))
    assert out.retried[0].remaining_seconds == 3600.0

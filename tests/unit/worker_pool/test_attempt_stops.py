"""A running handler that is asked to stop, and what follows from how it answers."""

import asyncio
import threading
from datetime import timedelta

import pytest

from shared.handlers import Paused, StopReason
from shared.messages import JobCancelled, JobFailed, JobPaused, JobSucceeded


class Stoppable:
    """One job that runs meanwhile."""

    def __init__(self, pool, queued, work):
        self.attempts = pool.attempts({"t": work})
        self.task = asyncio.ensure_future(self.attempts.run(queued, "pool", "R"))
        self.out, self.id = pool.out, queued.job.id

    @property
    def attempt(self):
        return self.attempts.running[self.id]


async def asked(context):
    """Wait until the handler is asked to stop."""
    event = asyncio.Event()
    context.stop.on_ask(lambda reason: event.set())
    await event.wait()
    assert context.should_stop


async def patient(payload, context):
    await asked(context)
    raise Paused({"epoch": 4})


async def stubborn(payload, context):
    context.checkpoint("halfway")
    await asyncio.Event().wait()


async def test_a_pause_sends_the_rest_on_with_its_checkpoint(pool, queued, until):
    running = Stoppable(pool, queued(), patient)
    await until(lambda: running.attempts.running)
    pool.clock.now += timedelta(seconds=200)
    running.attempt.stop.ask(StopReason.PAUSE, why="the grid is high")
    await running.task
    paused = running.out.one(JobPaused)
    assert (paused.reason, paused.remaining_seconds, paused.piece) == ("the grid is high", 400, 1)
    (rest,) = running.out.resumed
    assert (rest.piece, rest.checkpoint, rest.remaining_seconds) == (2, {"epoch": 4}, 400)
    assert rest.job.attempts == 0, "a pause is no attempt"
    assert running.attempts.running == {}


async def test_the_next_piece_finds_the_checkpoint_and_adds_to_the_ids(pool, queued):
    def work(payload, context):
        return [context.piece, context.restored, context.attempt]

    first = (await pool.run(work)).one(JobSucceeded)
    pool.out.events.clear()
    second = (await pool.run(work, queued(piece=2, checkpoint={"epoch": 4}))).one(JobSucceeded)
    assert second.result == [2, {"epoch": 4}, 1]
    assert second.id != first.id
    assert (first.piece, second.piece) == (1, 2)


async def test_remaining_time_shrinks_over_the_pieces_down_to_a_floor(pool, queued, until):
    running = Stoppable(pool, queued(piece=2, checkpoint=1, remaining_seconds=100), patient)
    await until(lambda: running.attempts.running)
    pool.clock.now += timedelta(seconds=500)
    running.attempt.stop.ask(StopReason.PAUSE)
    await running.task
    assert running.out.resumed[0].remaining_seconds == 1.0
    assert running.out.resumed[0].piece == 3


async def test_a_pause_without_any_checkpoint_leaves_the_whole_job_to_do(pool, queued, until):
    async def work(payload, context):
        await asked(context)
        raise Paused

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running)
    pool.clock.now += timedelta(seconds=200)
    running.attempt.stop.ask(StopReason.PAUSE)
    await running.task
    (rest,) = running.out.resumed
    assert (rest.checkpoint, rest.remaining_seconds) == (None, None)
    assert running.out.one(JobPaused).remaining_seconds == 600


async def test_paused_is_an_error_where_nobody_asked(pool):
    async def work(payload, context):
        raise Paused(1)

    out = await pool.run(work)
    assert out.one(JobFailed).error == "the handler raised Paused although should_stop was false"
    assert out.resumed == []


async def test_a_handler_that_ignores_a_pause_runs_on_to_its_result(pool, queued, until):
    async def work(payload, context):
        await asked(context)
        return "done"

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running)
    running.attempt.stop.ask(StopReason.PAUSE)
    await running.task
    assert running.out.one(JobSucceeded).result == "done"


async def test_a_failed_attempt_keeps_its_checkpoint_for_the_next(pool):
    async def work(payload, context):
        context.checkpoint({"rows": 10})
        raise OSError("gone")

    (again,) = (await pool.run(work)).retried
    assert (again.checkpoint, again.piece, again.job.attempts) == ({"rows": 10}, 1, 1)


@pytest.mark.parametrize("answer", [Paused({"epoch": 4}), ValueError("interrupted")])
async def test_a_cancelled_handler_that_stops_in_any_way_is_cancelled(pool, queued, until, answer):
    async def work(payload, context):
        await asked(context)
        raise answer

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running)
    running.attempt.stop.ask(StopReason.CANCEL, "ada", "wrong dataset")
    await running.task
    cancelled = running.out.one(JobCancelled)
    assert (cancelled.by, cancelled.reason) == ("ada", "wrong dataset")
    assert (cancelled.attempt, cancelled.piece, cancelled.pool) == (1, 1, "pool")
    assert running.out.resumed == running.out.retried == running.out.died == []


async def test_a_cancelled_handler_that_finishes_in_its_grace_has_succeeded(pool, queued, until):
    async def work(payload, context):
        await asked(context)
        return "just done"

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running)
    running.attempt.stop.ask(StopReason.CANCEL, "ada")
    await running.task
    assert running.out.one(JobSucceeded).result == "just done"
    assert "JobCancelled" not in running.out.names()


async def test_a_cancelled_async_handler_is_cut_after_its_grace(pool, job, queued, until):
    running = Stoppable(pool, queued(job(power_watts=3600.0)), stubborn)
    await until(lambda: running.attempts.running and running.attempt.notes)
    pool.clock.now += timedelta(seconds=10)
    running.attempt.stop.ask(StopReason.CANCEL, "ada")
    assert running.attempt.cut()
    await running.task
    cancelled = running.out.one(JobCancelled)
    assert cancelled.energy_kwh == pytest.approx(0.01), "what was cut has used energy all the same"
    assert cancelled.reason == "cancelled while it ran"


async def test_a_cancelled_thread_cannot_be_cut_and_its_late_result_is_ignored(pool, queued, until):
    go_on = threading.Event()

    def work(payload, context):
        assert go_on.wait(20)
        return "late"

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running and running.attempt.work)
    running.attempt.stop.ask(StopReason.CANCEL, "ada")
    assert not running.attempt.cut()
    go_on.set()
    await running.task
    assert running.out.names() == ["JobStarted", "JobCancelled"]


async def test_what_is_cut_at_the_end_of_its_worker_goes_on_elsewhere(pool, queued, until):
    running = Stoppable(pool, queued(), stubborn)
    await until(lambda: running.attempts.running and running.attempt.notes.kept_at)
    running.attempt.stop.ask(StopReason.DRAIN, why="its worker stops")
    running.attempt.cut()
    await running.task
    (rest,) = running.out.resumed
    assert (rest.checkpoint, rest.piece, rest.job.attempts) == ("halfway", 2, 0)
    assert running.out.one(JobPaused).reason == "its worker stops"


async def test_a_cancelled_attempt_ends_its_handler_and_publishes_no_outcome(pool, queued, until):
    ended = []

    async def work(payload, context):
        context.checkpoint("halfway")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    running = Stoppable(pool, queued(), work)
    await until(lambda: running.attempts.running and running.attempt.notes.kept_at)
    back = running.attempt.returned()
    assert (back.piece, back.checkpoint) == (1, "halfway")
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task
    assert ended == [True]
    assert running.out.names() == ["JobStarted"]
    assert running.attempts.running == {}

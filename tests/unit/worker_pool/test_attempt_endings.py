"""What becomes of a job, by what its handler does and by who asked it to stop."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

from shared.handlers import Handler, Reject, Retry
from shared.messages import (
    JobDied,
    JobFailed,
)


def raising(error):
    async def work(payload, context):
        raise error

    return work


async def test_retry_waits_as_long_as_it_says_and_spends_an_attempt(pool):
    out = await pool.run(raising(Retry(90, "the share is away")))
    assert out.names() == ["JobStarted", "JobFailed", "JobRetried"]
    (again,) = out.retried
    assert again.job.attempts == 1
    assert again.not_before == pool.clock.now + timedelta(seconds=90)
    assert out.one(JobFailed).error == "the share is away"
    assert out.one(JobFailed).traceback is None, "it is no fault"


async def test_retry_without_a_time_takes_the_usual_backoff(pool):
    out = await pool.run(raising(Retry()))
    assert out.retried[0].not_before == pool.clock.now + timedelta(seconds=1)


async def test_retry_beyond_the_jobs_retries_ends_in_the_dead_queue(pool, job, queued):
    out = await pool.run(raising(Retry(5, "busy")), queued(job(retries=0)))
    assert out.names() == ["JobStarted", "JobFailed", "JobDied"]
    assert out.died[0][1] == "busy"


async def test_retry_that_does_not_count_waits_as_the_next_piece(pool, job, queued):
    out = await pool.run(raising(Retry(30, "not yet", counts=False)), queued(job(retries=0)))
    assert out.names() == ["JobStarted", "JobPaused"]
    (rest,) = out.resumed
    assert (rest.job.attempts, rest.piece) == (0, 2)
    assert rest.not_before == pool.clock.now + timedelta(seconds=30)
    assert rest.remaining_seconds is None, "nothing was done yet"


async def test_reject_gives_the_job_up_whatever_retries_it_has(pool, job, queued):
    out = await pool.run(raising(Reject("no such\ndataset")), queued(job(retries=9)))
    assert out.names() == ["JobStarted", "JobFailed", "JobDied"]
    assert out.died[0][1] == "no such dataset"


async def test_a_handlers_own_ceiling_of_retries_holds(pool, job, queued):
    never_twice = Handler("t", raising(OSError("gone")), takes_context=True, most_retries=0)
    out = await pool.run(never_twice, queued(job(retries=5)))
    assert out.one(JobDied).error == "OSError: gone"


async def test_a_replayed_job_has_its_handlers_retries_again(pool, job, queued):
    once_again = Handler("t", raising(OSError("gone")), takes_context=True, most_retries=1)
    replayed = job(retries=9, attempts=2, attempts_at_replay=2)
    out = await pool.run(once_again, queued(replayed))
    assert out.names()[-1] == "JobRetried"
    out.events.clear()
    await pool.run(once_again, queued(replace(replayed, attempts=3)))
    assert out.names()[-1] == "JobDied"


async def test_a_handlers_time_limit_holds_for_jobs_that_bring_none(pool, job, queued):
    async def work(payload, context):
        await asyncio.Event().wait()

    limited = Handler("t", work, takes_context=True, timeout_seconds=0.01)
    out = await pool.run(limited)
    assert out.one(JobFailed).error == "TimeoutError: it ran longer than 0.01 s"
    out.events.clear()
    await pool.run(limited, queued(job(timeout_seconds=0.02)))
    assert out.one(JobFailed).error == "TimeoutError: it ran longer than 0.02 s", "the job's own"


async def test_a_time_limit_ends_an_async_handler_that_swallows_its_cancellation_once(pool):
    swallowed = []

    async def work(payload, context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.Event().wait()

    out = await pool.run(Handler("t", work, takes_context=True, timeout_seconds=0.01))
    assert swallowed == [True]
    assert "longer than" in out.one(JobFailed).error


async def test_a_thread_past_its_limit_is_asked_and_keeps_its_place(pool, queued, until):
    go_on, asked = threading.Event(), []

    def work(payload, context):
        for _ in range(2000):  # ends by itself, or a failure would hang the whole run
            if context.should_stop:
                asked.append(True)
                break
            go_on.wait(0.005)
        assert go_on.wait(20)
        return "late"

    attempts = pool.attempts({"t": Handler("t", work, takes_context=True, timeout_seconds=0.01)})
    task = asyncio.create_task(attempts.run(queued(), "pool", "R"))
    await until(lambda: asked)
    assert not task.done(), "its place is not given away while the thread runs"
    assert pool.out.retried == [], "nor is the job run a second time beside it"
    go_on.set()
    await task
    assert pool.out.one(JobFailed).error == "TimeoutError: it ran longer than 0.01 s"

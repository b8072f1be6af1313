"""The end of a worker on a real broker: what runs ends or is handed back, nothing is lost."""

import asyncio
import threading
import time

from services.worker_pool.capacity import Base
from shared.domain.bands import Band
from shared.domain.jobs import Lane
from shared.handlers import Paused
from shared.messages import JobPaused, JobStarted, JobSucceeded, decode_queued


async def never_ends(payload, context):
    await asyncio.Event().wait()


async def counted(deployment, queue, count):
    return await deployment.count(queue) == count


async def test_a_stop_finishes_what_runs_and_returns_the_rest(deployment, until):
    gate = asyncio.Event()
    started = []

    async def work(payload, context):
        started.append(context.job_id)
        await gate.wait()

    await deployment.grid([600.0] * 4, band=Band.VERY_HIGH)
    async with deployment.pool({"t": work}) as pool:
        await until(lambda: pool.pool.limit.consumers == 1)
        for lane in (Lane.NORMAL, Lane.NORMAL, Lane.BACKGROUND, Lane.BACKGROUND):
            await deployment.send(lane=lane)
        await until(lambda: started)
        await until(lambda: pool.pool.held)
        asyncio.get_running_loop().call_later(0.2, gate.set)
    (done,) = deployment.seen(JobSucceeded)
    assert [done.job_id] == started
    for lane, left in ((Lane.NORMAL, 1), (Lane.BACKGROUND, 2)):
        ready = deployment.topology.ready_queue("R", lane)
        await until(lambda at=ready, n=left: counted(deployment, at, n))


async def test_interruptible_jobs_are_asked_at_once_and_handed_back_with_their_checkpoint(
    deployment, until
):
    async def work(payload, context):
        while not context.should_stop:  # noqa: ASYNC110 - a handler has this flag and no event
            await asyncio.sleep(0.01)
        raise Paused({"epoch": 4})

    began = time.monotonic()
    async with deployment.pool({"t": work}, grace_seconds=60):
        job_id = await deployment.send(
            interruptible=True, expected_duration_seconds=600.0, power_watts=100.0
        )
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
    assert time.monotonic() - began < 30, "it did not wait for the end of the grace"
    (paused,) = await until(lambda: deployment.seen(JobPaused, job_id=job_id))
    assert (paused.reason, paused.piece) == ("its worker stops", 1)
    assert paused.energy_kwh > 0
    rest = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    assert (rest.job.attempts, rest.piece, rest.checkpoint) == (0, 2, {"epoch": 4})
    assert rest.remaining_seconds < 600


async def test_what_has_not_ended_at_the_grace_is_ended_and_handed_back(deployment, until):
    async def work(payload, context):
        context.checkpoint({"epoch": 2})
        await asyncio.Event().wait()

    async with deployment.pool({"t": work}, grace_seconds=0.1) as pool:
        job_id = await deployment.send(power_watts=100.0)
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
    assert pool.pool.running == 0
    (paused,) = await until(lambda: deployment.seen(JobPaused, job_id=job_id))
    assert paused.energy_kwh > 0, "what it used until then counts"
    message = await deployment.fetch(deployment.topology.submitted)
    rest = decode_queued(message.body)
    assert message.routing_key == "resume"
    assert (rest.job.id, rest.job.attempts, rest.checkpoint) == (job_id, 0, {"epoch": 2})
    assert await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL)) == 0


async def test_a_thread_that_does_not_end_is_left_behind_and_its_job_given_back(deployment, until):
    ends = threading.Event()

    def work(payload, context):
        context.checkpoint({"epoch": 3})
        ends.wait(60)

    left = []
    try:
        async with deployment.pool({"t": work}, grace_seconds=0.1) as pool:
            drain = pool.drain

            async def noted(grace_seconds):
                left.append(await drain(grace_seconds))

            pool.drain = noted
            job_id = await deployment.send()
            await until(lambda: deployment.seen(JobStarted, job_id=job_id))
        message = await deployment.fetch(deployment.topology.ready_queue("R", Lane.NORMAL))
    finally:
        ends.set()
    assert left == [1]
    again = decode_queued(message.body)
    assert (again.job.id, again.job.attempts, again.piece) == (job_id, 0, 1)
    assert again.checkpoint == {"epoch": 3}
    assert message.headers.get("x-delivery-count", 0) == 0, "its worker was not its victim"


async def test_a_second_worker_goes_on_where_the_first_was_stopped(deployment, until):
    async def work(payload, context):
        if context.restored:
            return {**context.restored, "piece": context.piece}
        while not context.should_stop:  # noqa: ASYNC110 - a handler has this flag and no event
            await asyncio.sleep(0.01)
        raise Paused({"epoch": 4})

    async with deployment.pool({"t": work}, Base(1, 1)):
        job_id = await deployment.send(interruptible=True)
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
    rest = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    await deployment.publisher.ready(rest, "R", Lane.NORMAL)
    async with deployment.pool({"t": work}, Base(1, 1)):
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
    assert done.result == {"epoch": 4, "piece": 2}
    assert (done.attempt, done.piece) == (1, 2)

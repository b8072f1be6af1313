"""The worker pool on a real broker: running, following the band, losing nothing."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import aio_pika

from services.worker_pool.capacity import Base
from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority
from shared.messages import (
    JobDied,
    JobFailed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PoolResized,
    QueuedJob,
)
from shared.runtime import system_clock


def job(job_type="t", **changes):
    now = system_clock()
    usual = Job(
        uuid4(), job_type, Priority.NORMAL, Band.LOW, now, now + timedelta(hours=1), 1.0, ("R",)
    )
    return replace(usual, **changes)


async def send(deployment, the_job=None, lane=Lane.NORMAL):
    queued = QueuedJob(job=the_job or job(), region="R")
    await deployment.publisher.ready(queued, "R", lane)
    return queued.job.id


async def consumer_count(deployment, lane=Lane.NORMAL):
    channel = await deployment.connection.channel()
    name = deployment.topology.ready_queue("R", lane).name
    queue = await channel.declare_queue(name, passive=True)
    await channel.close()
    return queue.declaration_result.consumer_count


async def done_at_once(payload, context):
    return {"done": True}


async def test_a_job_runs_and_leaves_its_queue(deployment, until):
    async with deployment.pool({"t": done_at_once}):
        job_id = await send(deployment)
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
    assert done.result == {"done": True}
    assert len(deployment.seen(JobStarted, job_id=job_id)) == 1
    assert await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL)) == 0


async def test_consumers_follow_the_band_on_every_lane(deployment, until):
    async with deployment.pool({"t": done_at_once}, Base(4, 2)) as pool:
        for band, consumers in (
            (Band.VERY_LOW, 8),
            (Band.VERY_HIGH, 1),
            (Band.LOW, 6),
            (Band.HIGH, 2),
            (Band.MEDIUM, 4),
        ):
            await deployment.grid([200.0] * 4, band=band)
            await until(lambda n=consumers: pool.pool.limit.consumers == n)
            for lane in Lane:
                await until(lambda n=consumers, at=lane: _has_consumers(deployment, at, n))
    sizes = [(event.consumers, event.prefetch) for event in deployment.seen(PoolResized)]
    assert sizes[1:] == [(8, 4), (1, 1), (6, 3), (2, 1), (4, 2)]


async def _has_consumers(deployment, lane, count):
    return await consumer_count(deployment, lane) == count


async def test_resizing_drops_and_doubles_nothing_in_flight(deployment, until):
    runs = Counter()

    async def work(payload, context):
        runs[context.job_id] += 1
        await asyncio.sleep(0.05)

    async with deployment.pool({"t": work}, Base(4, 2)):
        ids = [await send(deployment) for _ in range(60)]
        for band in (Band.VERY_LOW, Band.VERY_HIGH, Band.LOW, Band.HIGH, Band.VERY_LOW):
            await deployment.grid([200.0] * 4, band=band)
            await asyncio.sleep(0.1)
        await until(lambda: len(deployment.seen(JobSucceeded)) == 60)
    assert runs == Counter(dict.fromkeys(ids, 1))


async def test_no_more_jobs_run_than_the_band_allows(deployment, until):
    running, most = set(), []
    gate = asyncio.Event()

    async def work(payload, context):
        running.add(context.job_id)
        most.append(len(running))
        await gate.wait()
        running.discard(context.job_id)

    await deployment.grid([600.0] * 4, band=Band.HIGH)
    async with deployment.pool({"t": work}) as pool:
        await until(lambda: pool.pool.limit.band is Band.HIGH)
        for _ in range(6):
            await send(deployment)
        await until(lambda: len(running) == 2)
        gate.set()
        await until(lambda: len(deployment.seen(JobSucceeded)) == 6)
    assert max(most) == 2


async def test_a_failed_job_goes_back_to_the_scheduler(deployment, until):
    async def work(payload, context):
        raise ValueError("no disk")

    async with deployment.pool({"t": work}):
        job_id = await send(deployment)
        await until(lambda: deployment.seen(JobRetried, job_id=job_id))
        await until(lambda: deployment.count(deployment.topology.submitted))
    (failed,) = deployment.seen(JobFailed, job_id=job_id)
    assert failed.error == "ValueError: no disk"


async def test_a_job_without_retries_left_is_kept_in_the_dead_queue(deployment, until):
    async def work(payload, context):
        raise ValueError("no disk")

    async with deployment.pool({"t": work}):
        job_id = await send(deployment, job(retries=0))
        await until(lambda: deployment.seen(JobDied, job_id=job_id))
    channel = await deployment.connection.channel()
    queue = await channel.get_queue(deployment.topology.dead.name, ensure=False)
    message = await queue.get()
    assert message.headers["x-reason"] == "ValueError: no disk"


async def test_an_unknown_type_is_kept_with_the_list_of_known_ones(deployment, until):
    async with deployment.pool({"t": done_at_once}):
        await send(deployment, job("typo"))
        (died,) = await until(lambda: deployment.seen(JobDied))
    assert "known types: t" in died.error


async def test_a_body_that_is_no_job_is_set_aside(deployment, until):
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.ready.name, ensure=False)
    async with deployment.pool({"t": done_at_once}):
        await exchange.publish(aio_pika.Message(b"nonsense"), "R.normal")
        await until(lambda: deployment.count(deployment.topology.rejected))


async def test_a_stop_finishes_what_runs_and_returns_the_rest(deployment, until):
    started = []

    async def work(payload, context):
        started.append(context.job_id)
        await asyncio.sleep(0.3)

    await deployment.grid([600.0] * 4, band=Band.VERY_HIGH)
    async with deployment.pool({"t": work}) as pool:
        await until(lambda: pool.pool.limit.consumers == 1)
        for _ in range(5):
            await send(deployment)
        await until(lambda: started)
    ready = deployment.topology.ready_queue("R", Lane.NORMAL)
    done = len(deployment.seen(JobSucceeded))
    assert done == len(started)
    await until(lambda: _counted(deployment, ready, 5 - done))


async def _counted(deployment, queue, count):
    return await deployment.count(queue) == count


async def test_a_second_copy_of_an_attempt_is_not_run_again(deployment, until):
    runs = Counter()

    async def work(payload, context):
        runs[context.job_id] += 1
        await asyncio.sleep(0.1)

    the_job = job()
    async with deployment.pool({"t": work}):
        for _ in range(3):
            await send(deployment, the_job)
        await until(lambda: deployment.seen(JobSucceeded))
        await send(deployment, the_job)
        ready = deployment.topology.ready_queue("R", Lane.NORMAL)
        await until(lambda: _counted(deployment, ready, 0))
    assert runs == {the_job.id: 1}

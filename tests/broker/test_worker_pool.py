"""The worker pool on a real broker: what becomes of a job, whatever its handler does."""

import asyncio
from collections import Counter
from uuid import uuid4

import aio_pika

from shared.domain.jobs import Lane
from shared.messages import (
    JobDied,
    JobFailed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    decode_queued,
)


async def done_at_once(payload, context):
    return {"done": True}


async def test_a_job_runs_and_leaves_its_queue(deployment, until):
    async with deployment.pool({"t": done_at_once}):
        job_id = await deployment.send()
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
    assert done.result == {"done": True}
    assert len(deployment.seen(JobStarted, job_id=job_id)) == 1
    assert await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL)) == 0


async def test_a_failed_job_goes_back_to_the_scheduler(deployment, until):
    async def work(payload, context):
        raise ValueError("no disk")

    async with deployment.pool({"t": work}):
        job_id = await deployment.send()
        await until(lambda: deployment.seen(JobRetried, job_id=job_id))
        await until(lambda: deployment.count(deployment.topology.submitted))
    (failed,) = deployment.seen(JobFailed, job_id=job_id)
    assert failed.error == "ValueError: no disk"


async def test_a_job_without_retries_left_is_kept_in_the_dead_queue(deployment, until):
    async def work(payload, context):
        raise ValueError("no disk") from OSError("\N{GRINNING FACE}" * 10_000)

    async with deployment.pool({"t": work}):
        job_id = await deployment.send(retries=0)
        await until(lambda: deployment.seen(JobDied, job_id=job_id))
    message = await deployment.fetch(deployment.topology.dead)
    assert message.headers["x-reason"] == "ValueError: no disk"
    trace = message.headers["x-traceback"]
    assert trace.rstrip().endswith("ValueError: no disk")
    assert "in work" in trace
    assert len(trace) == 8_000, "its end, however long it is"
    assert decode_queued(message.body).job.attempts == 1


async def test_an_unknown_type_is_kept_with_the_list_of_known_ones(deployment, until):
    async with deployment.pool({"t": done_at_once}):
        await deployment.send("typo")
        (died,) = await until(lambda: deployment.seen(JobDied))
    assert "known types: t" in died.error


async def test_a_body_that_is_no_job_is_set_aside(deployment, until):
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.ready.name, ensure=False)
    async with deployment.pool({"t": done_at_once}):
        await exchange.publish(aio_pika.Message(b"nonsense"), "R.normal")
        await until(lambda: deployment.count(deployment.topology.rejected))


async def _counted(deployment, queue, count):
    return await deployment.count(queue) == count


async def test_a_second_copy_of_an_attempt_is_not_run_again(deployment, until):
    runs = Counter()

    async def work(payload, context):
        runs[context.job_id] += 1
        await asyncio.sleep(0.1)

    job_id = uuid4()
    async with deployment.pool({"t": work}):
        for _ in range(3):
            await deployment.send(id=job_id)
        await until(lambda: deployment.seen(JobSucceeded))
        await deployment.send(id=job_id)
        ready = deployment.topology.ready_queue("R", Lane.NORMAL)
        await until(lambda: _counted(deployment, ready, 0))
    assert runs == {job_id: 1}

"""Cancellations and pauses of a type, on a real broker."""

import asyncio
import json
import time

import aio_pika

from services.worker_pool.capacity import Base
from services.worker_pool.service import PoolRules
from shared.domain.bands import Band
from shared.domain.jobs import Lane
from shared.handlers import Paused
from shared.messages import (
    CancelJob,
    ControlTaken,
    JobCancelled,
    JobPaused,
    JobStarted,
    JobSucceeded,
    PauseWork,
    PoolResized,
    ResumeWork,
    SetEco,
    decode_queued,
)

QUICK_GRACE = PoolRules(Base(4, 1), cancel_grace_seconds=0.2)


async def done_at_once(payload, context):
    return {"done": True}


async def never_ends(payload, context):
    await asyncio.Event().wait()


async def asked_to_stop(context):
    """What a handler does between two steps of its work."""
    while not context.should_stop:  # noqa: ASYNC110 - a handler has this flag and no event
        await asyncio.sleep(0.01)


async def until_asked(payload, context):
    await asked_to_stop(context)
    raise RuntimeError("stopped half way")


async def finishes_although_asked(payload, context):
    await asked_to_stop(context)
    return {"done": True}


def blocks_a_thread(payload, context):
    for _ in range(3000):
        if context.should_stop:
            return {"done": True}
        time.sleep(0.01)
    return None


async def test_a_job_cancelled_before_a_worker_started_is_dropped_when_taken(deployment, until):
    job_id = await deployment.send()
    other = await deployment.send()
    await deployment.ask(CancelJob, job_id=job_id, reason="wrong data")
    async with deployment.pool({"t": done_at_once}):
        (cancelled,) = await until(lambda: deployment.seen(JobCancelled, job_id=job_id))
        await until(lambda: deployment.seen(JobSucceeded, job_id=other))
        ready = deployment.topology.ready_queue("R", Lane.NORMAL)
        await until(lambda: counted(deployment, ready, 0))
    assert (cancelled.by, cancelled.reason, cancelled.attempt) == ("ana", "wrong data", None)
    assert not deployment.seen(JobStarted, job_id=job_id)


async def test_a_job_that_is_held_is_dropped_at_once_although_no_place_is_free(deployment, until):
    async with deployment.pool({"t": never_ends}, Base(1, 1), grace_seconds=0) as pool:
        running = await deployment.send()
        await until(lambda: deployment.seen(JobStarted, job_id=running))
        held = await deployment.send(lane=Lane.BACKGROUND)
        await until(lambda: pool.pool.held == 1)
        await deployment.ask(CancelJob, job_id=held)
        await until(lambda: deployment.seen(JobCancelled, job_id=held))
        assert (pool.pool.held, pool.pool.running) == (0, 1)


async def test_a_running_handler_is_asked_and_then_ended(deployment, until):
    async with deployment.pool({"t": never_ends}, rules=QUICK_GRACE) as pool:
        job_id = await deployment.send(power_watts=3600.0)
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
        await deployment.ask(CancelJob, job_id=job_id, reason="wrong data")
        (cancelled,) = await until(lambda: deployment.seen(JobCancelled, job_id=job_id))
        await until(lambda: pool.pool.running == 0)
    seconds = (cancelled.finished_at - cancelled.started_at).total_seconds()
    assert (cancelled.by, cancelled.reason, cancelled.attempt) == ("ana", "wrong data", 1)
    assert seconds >= 0.2
    assert cancelled.energy_kwh > 0, "the energy of the attempt that was cut counts"
    (taken,) = deployment.seen(ControlTaken, action="cancel")
    assert (taken.job_id, taken.by) == (job_id, "ana")
    assert await deployment.count(deployment.topology.dead) == 0
    assert await deployment.count(deployment.topology.submitted) == 0


async def test_a_handler_that_stops_when_asked_is_cancelled_before_the_grace_ends(
    deployment, until
):
    async with deployment.pool({"t": until_asked}):
        job_id = await deployment.send()
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
        await deployment.ask(CancelJob, job_id=job_id)
        (cancelled,) = await until(lambda: deployment.seen(JobCancelled, job_id=job_id), 5)
    assert cancelled.attempt == 1


async def test_a_job_that_finishes_within_the_grace_has_succeeded(deployment, until):
    async with deployment.pool({"t": finishes_although_asked, "thread": blocks_a_thread}):
        ids = [await deployment.send(kind) for kind in ("t", "thread")]
        for job_id in ids:
            await until(lambda at=job_id: deployment.seen(JobStarted, job_id=at))
            await deployment.ask(CancelJob, job_id=job_id)
            await until(lambda at=job_id: deployment.seen(JobSucceeded, job_id=at))
    assert deployment.seen(JobCancelled) == []


async def test_a_paused_type_goes_back_to_the_scheduler_without_an_attempt(deployment, until):
    async with deployment.pool({"t": done_at_once, "u": done_at_once}):
        await until(lambda: deployment.seen(PoolResized))
        await deployment.ask(PauseWork, job_type="t")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        paused = await deployment.send(attempts=1, checkpoint={"epoch": 4}, piece=2)
        other = await deployment.send("u")
        await until(lambda: deployment.seen(JobSucceeded, job_id=other))
        await until(lambda: deployment.count(deployment.topology.submitted))
        message = await deployment.fetch(deployment.topology.submitted)
        back = decode_queued(message.body)
        assert message.routing_key == "resume"
        assert (back.job.id, back.job.attempts, back.piece) == (paused, 1, 2)
        assert (back.checkpoint, back.slot) == ({"epoch": 4}, None)
        assert deployment.seen(JobStarted, job_id=paused) == []
        await deployment.ask(ResumeWork, job_type="t")
        await until(lambda: deployment.seen(ControlTaken, action="resume"))
        again = await deployment.send()
        await until(lambda: deployment.seen(JobSucceeded, job_id=again))


async def test_an_interruptible_job_pauses_where_the_grid_gets_too_dirty(deployment, until):
    async def work(payload, context):
        if context.restored:
            return context.restored
        await asked_to_stop(context)
        context.checkpoint({"epoch": 4})
        raise Paused

    async with deployment.pool({"t": work}):
        await until(lambda: deployment.seen(PoolResized))
        job_id = await deployment.send(
            interruptible=True, expected_duration_seconds=30.0, power_watts=100.0
        )
        await until(lambda: deployment.seen(JobStarted, job_id=job_id))
        await deployment.grid([600.0, 600.0], band=Band.HIGH)
        await until(lambda: deployment.seen(PoolResized, band=Band.HIGH))
        assert deployment.seen(JobPaused) == [], "nothing cleaner is in sight"
        await deployment.grid([600.0, 100.0, 100.0], band=Band.HIGH)
        (paused,) = await until(lambda: deployment.seen(JobPaused, job_id=job_id))
        await until(lambda: deployment.count(deployment.topology.submitted))
        rest = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    assert (rest.job.attempts, rest.piece, rest.checkpoint) == (0, 2, {"epoch": 4})
    assert rest.remaining_seconds < 30
    assert paused.remaining_seconds == rest.remaining_seconds
    assert paused.energy_kwh > 0
    assert paused.reason.startswith("the grid is high, the job's limit is low")


async def test_after_a_lost_connection_the_orders_go_on_where_they_ended(deployment, until):
    async with deployment.pool({"t": never_ends}, rules=QUICK_GRACE) as pool:
        await until(lambda: deployment.seen(PoolResized))
        await deployment.ask(PauseWork, job_type="other")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        first, second = await deployment.send(), await deployment.send()
        await until(lambda: len(deployment.seen(JobStarted)) == 2)
        await deployment.ask(CancelJob, job_id=first)
        await until(lambda: deployment.seen(JobCancelled, job_id=first))
        lost = pool._control._channel
        await lost._connection.close()
        await deployment.ask(CancelJob, job_id=second)
        await until(lambda: deployment.seen(JobCancelled, job_id=second))
        await until(lambda: pool._control._channel is not lost)
        await until(lambda: pool.pool.running == 0)
    assert len(deployment.seen(ControlTaken)) == 3
    assert len(deployment.seen(JobCancelled)) == 2


async def test_a_message_that_is_no_order_stops_nothing(deployment, until):
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.control.name, ensure=False)
    async with deployment.pool({"t": done_at_once}):
        await until(lambda: deployment.seen(PoolResized))
        for body in (b"nonsense", json.dumps({"type": "control.explode.v1"}).encode()):
            await exchange.publish(aio_pika.Message(body), "cancel")
        await deployment.ask(SetEco, on=True)
        await until(lambda: deployment.seen(ControlTaken, action="eco"))


async def counted(deployment, queue, count):
    return await deployment.count(queue) == count

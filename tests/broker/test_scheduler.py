"""The scheduler on a real broker: the door, the wheel, the lead."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import aio_pika
import pytest

from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause
from shared.messages import (
    JobAccepted,
    JobDeferred,
    JobExpired,
    JobRejected,
    JobReleased,
    JobSubmit,
    QueuedJob,
    decode_queued,
)
from shared.runtime import system_clock

DIRTY, CLEAN = 500.0, 100.0


async def submit(deployment, **fields):
    job_id = uuid4()
    job = JobSubmit(id=job_id, type="t", expected_duration_seconds=1, **fields)
    await deployment.publisher.submit(job, message_id=str(job_id))
    return job_id


async def counts(deployment, lane):
    return await deployment.count(deployment.topology.ready_queue("R", lane))


async def test_a_job_within_its_band_is_ready_at_once(deployment, until):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler():
        job_id = await submit(deployment, power_watts=100)
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id))
    assert released.cause is Cause.IN_BAND
    (accepted,) = deployment.seen(JobAccepted, job_id=job_id)
    assert accepted.job.power_watts == 100
    assert await counts(deployment, Lane.NORMAL) == 1


async def test_a_plain_message_with_a_type_alone_is_a_job(deployment, until):
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    async with deployment.scheduler():
        await exchange.publish(aio_pika.Message(b'{"type": "anything"}'), "submit")
        await until(lambda: deployment.seen(JobReleased, cause=Cause.GRID_UNKNOWN))


async def test_a_job_out_of_its_band_waits_on_the_wheel_and_runs_when_due(deployment, until):
    await deployment.grid([DIRTY] * 4 + [CLEAN] * 16, period=1.0)
    async with deployment.scheduler():
        job_id = await submit(deployment, deadline_seconds=20)
        (deferred,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
        assert deferred.cause is Cause.CLEANER_LATER
        await until(lambda: _waiting(deployment, 1))
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id))
        assert released.at >= deferred.planned_at - timedelta(seconds=1)
        assert released.deferrals == 1
    assert await deployment.waiting() == 0


async def _waiting(deployment, count):
    return await deployment.waiting() == count


async def test_a_deadline_is_kept_on_a_grid_that_stays_dirty(deployment, until):
    await deployment.grid([DIRTY] * 12, band=Band.VERY_HIGH, period=1.0)
    async with deployment.scheduler():
        job_id = await submit(deployment, deadline_seconds=20, max_band="very_low")
        refreshing = asyncio.create_task(_stay_dirty(deployment))
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 30)
        refreshing.cancel()
    assert released.at <= released.numbers.latest_start + timedelta(seconds=1)


async def _stay_dirty(deployment):
    while True:
        await deployment.grid([DIRTY, DIRTY, DIRTY + 40, DIRTY + 80], period=1.0)
        await asyncio.sleep(0.5)


async def test_a_slot_opens_early_when_the_grid_gets_better_than_hoped(deployment, until):
    await deployment.grid([DIRTY] * 20 + [CLEAN] * 5, period=1.0)
    async with deployment.scheduler():
        job_id = await submit(deployment, deadline_seconds=28)
        (deferred,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
        await deployment.grid([50.0] + [DIRTY] * 20, period=1.0)
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 5)
    assert released.at < deferred.planned_at - timedelta(seconds=5)


async def test_an_invalid_job_is_rejected_kept_and_answered(deployment, until):
    channel, replies, answers = await reply_queue(deployment)
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    body = json.dumps({"type": "t", "max_band": "green"}).encode()
    async with deployment.scheduler():
        message = aio_pika.Message(body, reply_to=replies.name, correlation_id="c1")
        await exchange.publish(message, "submit")
        (answer,) = await until(lambda: answers)
        (event,) = await until(lambda: deployment.seen(JobRejected))
    assert (answer["accepted"], answer["id"]) == (False, None)
    assert answer["reason"] == event.reason
    assert "max_band" in event.reason
    assert await deployment.count(deployment.topology.rejected) == 1


async def reply_queue(deployment):
    answers = []
    channel = await deployment.connection.channel()
    replies = await channel.declare_queue(exclusive=True)

    async def keep(message):
        answers.append(json.loads(message.body))

    await replies.consume(keep, no_ack=True)
    return channel, replies, answers


async def test_the_answer_to_a_valid_job_names_its_id(deployment, until):
    _, replies, answers = await reply_queue(deployment)
    async with deployment.scheduler():
        job = JobSubmit(type="t")
        await deployment.publisher.submit(job, message_id=str(UUID(int=9)), reply_to=replies.name)
        (answer,) = await until(lambda: answers)
    assert (answer["accepted"], answer["id"]) == (True, str(UUID(int=9)))


async def test_a_job_that_cannot_meet_its_deadline_expires_if_it_asked_to(deployment, until):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler():
        deadline = system_clock() - timedelta(seconds=5)
        job_id = await submit(deployment, deadline=deadline, on_deadline="expire")
        await until(lambda: deployment.seen(JobExpired, job_id=job_id))
    assert await counts(deployment, Lane.NORMAL) == 0


@pytest.mark.parametrize("wait_seconds", [0.4, 2.5])
async def test_a_retry_waits_out_its_backoff_on_a_timer_or_in_a_slot(
    deployment, until, wait_seconds
):
    await deployment.grid([200.0] * 12)
    now = system_clock()
    not_before = now + timedelta(seconds=wait_seconds)
    job = Job(
        uuid4(),
        "t",
        Priority.NORMAL,
        Band.LOW,
        now,
        now + timedelta(hours=1),
        1.0,
        ("R",),
        attempts=1,
    )
    async with deployment.scheduler():
        await deployment.publisher.retry(QueuedJob(job=job, not_before=not_before))
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job.id))
    assert released.at >= not_before
    assert (released.attempts, released.deferrals) == (1, 0), "a backoff is no deferral"


async def test_one_leads_and_the_standby_takes_over_with_what_waits(deployment, until):
    await deployment.grid([DIRTY] * 20 + [CLEAN] * 5, period=1.0)
    async with deployment.scheduler() as second:
        async with deployment.scheduler() as first:
            await until(lambda: "leader" in {first.facts()["role"], second.facts()["role"]})
            leader, standby = sorted((first, second), key=lambda each: each.facts()["role"])
            assert standby.facts()["role"] == "standby"
            for _ in range(20):
                await submit(deployment, deadline_seconds=25)
            await until(lambda: leader.facts()["waiting"] == 20)
            # Known is not yet published: what is not, the next leader would take again.
            await until(lambda: _waiting(deployment, 20))
            first_leads = leader is first
        if first_leads:
            await until(lambda: second.facts()["role"] == "leader", 5)
        await until(lambda: second.facts()["waiting"] == 20)
        await until(lambda: _waiting(deployment, 20))
        assert len(deployment.seen(JobDeferred)) == 20, "deciding again without a change is silent"


async def test_a_ready_message_carries_the_whole_job(deployment, until):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler():
        job_id = await submit(deployment, payload={"n": 1}, priority="high")
        await until(lambda: deployment.seen(JobReleased, job_id=job_id))
    channel = await deployment.connection.channel()
    name = deployment.topology.ready_queue("R", Lane.URGENT).name
    message = await (await channel.get_queue(name, ensure=False)).get()
    queued = decode_queued(message.body)
    assert (queued.job.id, queued.payload, queued.region) == (job_id, {"n": 1}, "R")
    assert (message.type, message.correlation_id) == ("job.queued.v1", str(job_id))


@pytest.mark.parametrize("regions", [(), ("NOWHERE",)])
async def test_a_queued_job_that_a_user_wrote_is_checked_too(deployment, until, regions):
    now = system_clock()
    job = Job(uuid4(), "t", Priority.NORMAL, Band.LOW, now, now, 1.0, regions)
    async with deployment.scheduler():
        await deployment.publisher.retry(QueuedJob(job=job))
        await until(lambda: deployment.count(deployment.topology.rejected))

"""What is taken for an accepted job: by the routing key, which only services are granted."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import aio_pika
import pytest

from shared.broker.letters import Filters
from shared.broker.letters_acting import Office, replay_rejected
from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority
from shared.messages import JobRejected, JobReleased, JobSubmit, QueuedJob, encode
from shared.runtime import system_clock


def accepted_job(**changes):
    now = system_clock()
    end = now + timedelta(hours=1)
    return replace(Job(uuid4(), "t", Priority.CRITICAL, Band.LOW, now, end, 1.0, ("R",)), **changes)


@pytest.fixture
async def publish(deployment):
    """Publishes a body as somebody may who knows the wire."""
    channel = await deployment.connection.channel()
    jobs = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)

    async def send(body, key, type_name="job.queued.v1", **headers):
        message = aio_pika.Message(
            body, type=type_name, message_id=str(uuid4()), headers=headers or None
        )
        await jobs.publish(message, key)

    return send


async def replay(deployment):
    office = Office(deployment.url, deployment.topology, "the test")
    return len((await replay_rejected(office, Filters(), None)).settled)


def kept(deployment, number):
    async def so_many():
        return await deployment.count(deployment.topology.rejected) == number

    return so_many


async def test_a_forged_accepted_job_does_not_pass_the_door(deployment, until, publish):
    """Nor does an operator's replay take it for one, whatever its headers say."""
    await deployment.grid([200.0] * 12)
    forged = encode(QueuedJob(job=accepted_job(), not_before=system_clock() + timedelta(seconds=9)))
    async with deployment.scheduler():
        await publish(forged, "submit", **{"x-came-by": "retry"})
        await until(kept(deployment, 1))
        (event,) = await until(lambda: deployment.seen(JobRejected))
        assert event.reason.startswith("type: 'job.queued.v1' is not known; use job.submit.v1")
        assert await replay(deployment) == 1
        await until(lambda: len(deployment.seen(JobRejected)) == 2)
        await until(kept(deployment, 1))
    assert deployment.seen(JobReleased) == []
    assert await deployment.waiting() == 0


@pytest.mark.parametrize("key", ["retry", "resume"])
async def test_a_service_sends_accepted_jobs(deployment, until, publish, key):
    await deployment.grid([200.0] * 12)
    job = accepted_job()
    async with deployment.scheduler():
        await publish(encode(QueuedJob(job=job)), key)
        await until(lambda: deployment.seen(JobReleased, job_id=job.id))
    assert await deployment.count(deployment.topology.ready_queue("R", Lane.URGENT)) == 1


async def test_an_accepted_job_that_was_set_aside_is_replayed_as_one(deployment, until, publish):
    await deployment.grid([200.0] * 12)
    job = accepted_job(regions=("S",))
    async with deployment.scheduler():
        await publish(encode(QueuedJob(job=job)), "resume")
        await until(kept(deployment, 1))
    assert await replay(deployment) == 1
    again = await deployment.fetch(deployment.topology.submitted)
    assert (again.routing_key, "x-came-by" in again.headers) == ("retry", False)


async def test_a_job_out_of_bounds_is_set_aside_and_the_scheduler_goes_on(
    deployment, until, publish
):
    await deployment.grid([200.0] * 12)
    body = json.loads(encode(QueuedJob(job=accepted_job())))
    body["job"]["deadline"] = "0001-01-01T00:00:00Z"
    async with deployment.scheduler() as scheduler:
        await publish(json.dumps(body).encode(), "retry")
        await until(kept(deployment, 1))
        message = await deployment.fetch(deployment.topology.rejected)
        assert message.headers["x-reason"].startswith("not a job.queued.v1: job: deadline: ")
        await deployment.publisher.submit(JobSubmit(type="t"), message_id=str(uuid4()))
        await until(lambda: deployment.seen(JobReleased))
        assert scheduler.facts()["role"] == "leader"

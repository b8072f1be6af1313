"""One key, one job: under concurrency, redelivery, restarts and takeovers, on a real broker."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import aio_pika
import pytest

from services.scheduler import claims as claims_module
from services.scheduler.claims import Claims, Submission
from services.scheduler.placing import Placing
from shared.broker.connection import connect
from shared.domain.jobs import Lane
from shared.errors import PublishFailed
from shared.messages import JobAccepted, JobRejected, JobReleased, JobSubmit, encode
from shared.runtime import system_clock
from tests.answers import answers


async def ready(deployment):
    return await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL))


async def intake_is_empty(deployment):
    return await deployment.count(deployment.topology.submitted) == 0


def keyed(**fields):
    return JobSubmit(type="t", idempotency_key="train-q3", payload={"n": 1}, **fields)


async def test_fifty_submits_at_once_with_one_key_are_one_job(deployment, until):
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        await asyncio.gather(
            *(
                deployment.publisher.submit(keyed(), message_id=str(uuid4()), reply_to=reply_to)
                for _ in range(50)
            )
        )
        await until(lambda: len(found) == 50)
    assert {answer["accepted"] for answer in found} == {True}
    (job_id,) = {answer["id"] for answer in found}
    assert sum(not answer["duplicate"] for answer in found) == 1
    assert await ready(deployment) == 1
    (accepted,) = deployment.seen(JobAccepted)
    assert str(accepted.job_id) == job_id


async def test_the_key_still_stands_for_its_job_after_a_restart(deployment, until):
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        await deployment.publisher.submit(keyed(), message_id="first", reply_to=reply_to)
        await until(lambda: found)
    async with deployment.scheduler(), answers(deployment) as (reply_to, again):
        await deployment.publisher.submit(keyed(), message_id="second", reply_to=reply_to)
        await until(lambda: again)
    assert (again[0]["id"], again[0]["duplicate"]) == (found[0]["id"], True)
    assert await ready(deployment) == 1


async def test_the_key_stands_for_its_job_after_a_takeover(deployment, until):
    async with deployment.scheduler() as standby:
        async with deployment.scheduler() as first, answers(deployment) as (reply_to, found):
            await until(lambda: "leader" in {first.facts()["role"], standby.facts()["role"]})
            await deployment.publisher.submit(keyed(), message_id="one", reply_to=reply_to)
            await until(lambda: found)
        await until(lambda: standby.facts()["role"] == "leader")
        async with answers(deployment) as (reply_to, again):
            await deployment.publisher.submit(keyed(), message_id="two", reply_to=reply_to)
            await until(lambda: again)
    assert (again[0]["id"], again[0]["duplicate"]) == (found[0]["id"], True)
    assert await ready(deployment) == 1


async def test_an_id_of_the_callers_own_is_taken_once(deployment, until):
    job = JobSubmit(type="t", id=UUID(int=7))
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        for message_id in ("a", "b"):
            await deployment.publisher.submit(job, message_id=message_id, reply_to=reply_to)
        await until(lambda: len(found) == 2)
    assert {answer["id"] for answer in found} == {str(UUID(int=7))}
    assert sorted(answer["duplicate"] for answer in found) == [False, True]
    assert await ready(deployment) == 1


async def test_a_key_for_other_work_is_rejected_with_the_job_that_has_it(deployment, until):
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        await deployment.publisher.submit(keyed(), message_id="a", reply_to=reply_to)
        other = JobSubmit(type="t", idempotency_key="train-q3", payload={"n": 2})
        await deployment.publisher.submit(other, message_id="b", reply_to=reply_to)
        await until(lambda: len(found) == 2)
        (event,) = await until(lambda: deployment.seen(JobRejected))
    accepted, rejected = sorted(found, key=lambda answer: not answer["accepted"])
    assert rejected["reason"] == event.reason
    assert event.reason.startswith("idempotency_key: 'train-q3' stands for another type or payload")
    assert accepted["id"] in event.reason


async def test_keys_are_free_again_when_their_time_is_over(deployment, until):
    hours = 1.0 / 3600
    async with deployment.scheduler(idempotency_hours=hours), answers(deployment) as (to, found):
        await deployment.publisher.submit(keyed(), message_id="a", reply_to=to)
        await until(lambda: found)
        first_at = system_clock()
        await until(lambda: system_clock() - first_at > timedelta(seconds=1))
        await deployment.publisher.submit(keyed(), message_id="b", reply_to=to)
        await until(lambda: len(found) == 2)
    assert found[0]["id"] != found[1]["id"]
    assert await ready(deployment) == 2


@pytest.fixture
def hanging(monkeypatch):
    """Placing hangs, as if the process were killed there; at the end the tasks are let go."""
    reached, over = asyncio.Event(), asyncio.Event()

    async def hang(placing, queued):
        reached.set()
        await over.wait()
        raise PublishFailed("killed")

    @asynccontextmanager
    async def patched():
        with monkeypatch.context() as context:
            context.setattr(Placing, "place", hang)
            yield reached
        over.set()

    return patched


@pytest.mark.parametrize("message_id", ["order-17", None])
async def test_a_leader_killed_between_claim_and_placing_loses_nothing(
    deployment, until, hanging, message_id
):
    """The claim is on the log, nothing is placed: the next leader goes on with that claim."""
    channel = await deployment.connection.channel()
    jobs = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    async with hanging() as reached, deployment.scheduler():
        await jobs.publish(aio_pika.Message(encode(keyed()), message_id=message_id), "submit")
        await until(reached.is_set)
    assert await ready(deployment) == 0
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        (released,) = await until(lambda: deployment.seen(JobReleased))
        await deployment.publisher.submit(keyed(), message_id="later", reply_to=reply_to)
        await until(lambda: found)
    assert (found[0]["id"], found[0]["duplicate"]) == (str(released.job_id), True)
    assert await ready(deployment) == 1
    assert len({event.job_id for event in deployment.seen(JobAccepted)}) == 1


async def test_a_repetition_is_answered_while_the_first_waits_to_be_delivered_again(
    deployment, until, hanging
):
    async with hanging() as reached, deployment.scheduler():
        await deployment.publisher.submit(keyed(), message_id="first")
        await until(reached.is_set)
        async with answers(deployment) as (reply_to, found):
            await deployment.publisher.submit(keyed(), message_id="second", reply_to=reply_to)
            await until(lambda: found)
    async with deployment.scheduler():
        (released,) = await until(lambda: deployment.seen(JobReleased))
        await until(lambda: intake_is_empty(deployment))
    assert (found[0]["id"], found[0]["duplicate"]) == (str(released.job_id), True)
    assert await ready(deployment) == 1


async def test_two_leaders_at_once_agree_on_who_was_first(deployment, until):
    """One that has lost the lead and does not know it yet writes to the same log."""
    hold = timedelta(hours=1)
    connections = [await connect(deployment.url, f"leader {n}") for n in range(2)]
    leaders = [
        Claims(connection, deployment.topology, deployment.publisher, system_clock, hold)
        for connection in connections
    ]
    for each in leaders:
        await each.follow()

    async def claim(leader, number):
        wanted = submission_of(f"m{number}", UUID(int=number + 1))
        async with leader.held(wanted) as held:
            return held

    helds = await asyncio.gather(*(claim(leaders[n % 2], n) for n in range(20)))
    assert len({held.job_id for held in helds}) == 1
    assert sum(not held.duplicate for held in helds) == 1
    for connection in connections:
        await connection.close()


def submission_of(message_id, job_id, *, redelivered=False):
    return Submission(
        keys=("key:k",),
        job_id=job_id,
        message_id=message_id,
        redelivered=redelivered,
        fingerprint="f",
    )


async def test_a_reading_that_breaks_off_is_begun_again_where_it_stopped(
    deployment, until, monkeypatch
):
    monkeypatch.setattr(claims_module, "QUIET_SECONDS", 0.3)
    connection = await connect(deployment.url, "leader")
    claims = Claims(
        connection, deployment.topology, deployment.publisher, system_clock, timedelta(hours=1)
    )
    await claims.follow()
    await claims.catch_up()
    await claims._channel.close()
    with pytest.raises(PublishFailed, match=r"jobs\.claims was not read back in time"):
        async with claims.held(submission_of("m", UUID(int=1))):
            pytest.fail("placed without having read its claim back")
    await until(lambda: claims.knows("key:k"))
    async with claims.held(submission_of("m", UUID(int=1), redelivered=True)) as held:
        assert (held.job_id, held.duplicate) == (UUID(int=1), False)
    await connection.close()

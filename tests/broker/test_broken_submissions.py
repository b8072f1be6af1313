"""A job that a scheduler broke over is not lost: its claim does not stand against its replay."""

from uuid import UUID

import pytest

from services.scheduler.placing import Placing
from shared.broker import consume
from shared.broker.letters import Filters
from shared.broker.letters_acting import Office, replay_rejected
from shared.domain.jobs import Lane
from shared.messages import JobAccepted, JobReleased, JobSubmit
from tests.answers import answers

JOB = JobSubmit(type="t", id=UUID(int=7), idempotency_key="train-q3", expected_duration_seconds=1)


@pytest.fixture
def broken(monkeypatch):
    """Whether placing breaks; it does until a test says that it is repaired."""
    real, state = Placing.place, {"broken": True}

    async def place(placing, queued):
        if state["broken"]:
            raise ValueError("a bug")
        await real(placing, queued)

    monkeypatch.setattr(Placing, "place", place)
    monkeypatch.setattr(consume, "GIVE_BACK_SECONDS", 0.05)
    return state


async def set_aside(deployment, until, reply_to=None):
    """Submit it to a scheduler that breaks over it twice."""
    await deployment.publisher.submit(JOB, message_id="first", reply_to=reply_to)

    async def is_there():
        return await deployment.count(deployment.topology.rejected) == 1

    await until(is_there)


async def replay(deployment):
    office = Office(deployment.url, deployment.topology, "the test")
    return (await replay_rejected(office, Filters(), None)).settled


async def ready(deployment):
    return await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL))


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_set_aside_runs_when_it_is_replayed(deployment, until, broken, restarted):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler():
        await set_aside(deployment, until)
        if not restarted:
            broken["broken"] = False
            assert await replay(deployment) == ["first"]
            await until(lambda: deployment.seen(JobReleased))
    if restarted:
        broken["broken"] = False
        async with deployment.scheduler():
            assert await replay(deployment) == ["first"]
            await until(lambda: deployment.seen(JobReleased))
    assert await ready(deployment) == 1
    assert {event.job_id for event in deployment.seen(JobAccepted)} == {JOB.id}


async def test_a_replay_that_comes_twice_runs_the_job_once(deployment, until, broken):
    await deployment.grid([200.0] * 12)
    async with answers(deployment) as (reply_to, found):
        async with deployment.scheduler():
            await set_aside(deployment, until, reply_to)
        broken["broken"] = False
        kept = await deployment.fetch(deployment.topology.rejected)
        for times in (1, 2):
            async with deployment.scheduler():
                await deployment.publisher.submit_again(kept)
                await until(lambda times=times: len(found) == times)
    assert [answer["duplicate"] for answer in found] == [False, True]
    assert {answer["id"] for answer in found} == {str(JOB.id)}
    assert len(deployment.seen(JobReleased)) == await ready(deployment) == 1


async def test_the_same_work_can_be_submitted_anew_and_the_replay_is_then_the_repetition(
    deployment, until, broken
):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler(), answers(deployment) as (reply_to, found):
        await set_aside(deployment, until, reply_to)
        broken["broken"] = False
        await deployment.publisher.submit(JOB, message_id="second", reply_to=reply_to)
        await until(lambda: found)
        assert await replay(deployment) == ["first"]
        await until(lambda: len(found) == 2)
        assert [answer["duplicate"] for answer in found] == [False, True]
        assert len(deployment.seen(JobReleased)) == await ready(deployment) == 1

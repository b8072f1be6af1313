"""A client replays a job that failed for good."""

from uuid import uuid4

import pytest

from shared.client import JobClient
from shared.domain.jobs import State
from shared.errors import BrokerUnreachable, NotFound
from shared.messages import JobDied, JobReplayed

pytestmark = pytest.mark.broker


async def test_a_dead_job_runs_again_under_its_id(deployment, until):
    runs = []

    def fails_once(payload, context):
        runs.append(context.attempt)
        if len(runs) == 1:
            raise ValueError("no data")
        return {"attempt": context.attempt}

    namespace = deployment.topology.namespace
    async with (
        deployment.scheduler(),
        deployment.pool({"t": fails_once}),
        JobClient(deployment.url, namespace=namespace, results=False) as quiet,
        JobClient(deployment.url, namespace=namespace) as client,
    ):
        job = await client.submit("t", priority="critical", retries=0)
        assert (await client.wait(job, timeout_seconds=20)).state is State.DEAD
        await until(lambda: deployment.seen(JobDied))
        await quiet.replay(job, by="ana")
        (told,) = await until(lambda: deployment.seen(JobReplayed))
        await until(lambda: len(runs) == 2)
    assert (told.job_id, told.by) == (job.id, "ana")


async def test_a_job_that_is_not_dead_is_not_replayed(deployment):
    namespace = deployment.topology.namespace
    async with JobClient(deployment.url, namespace=namespace, results=False) as client:
        with pytest.raises(NotFound, match="no dead job"):
            await client.replay(uuid4(), by="ana")


async def test_all_dead_jobs_run_again_some_at_a_time(deployment, until):
    failing = True

    def fails_at_first(payload, context):
        if failing:
            raise ValueError("no data")
        return {}

    namespace = deployment.topology.namespace
    async with (
        deployment.scheduler(),
        deployment.pool({"t": fails_at_first}),
        JobClient(deployment.url, namespace=namespace) as client,
    ):
        jobs = [await client.submit("t", priority="critical", retries=0) for _ in range(3)]
        for job in jobs:
            assert (await client.wait(job, timeout_seconds=20)).state is State.DEAD
        await until(lambda: len(deployment.seen(JobDied)) == 3)
        failing = False
        assert await client.replay_all(by="ana", most=2) == 2
        assert await client.replay_all(by="ana", most=2) == 1
        assert await client.replay_all(by="ana", most=2) == 0
        await until(lambda: len(deployment.seen(JobReplayed)) == 3)
        told = deployment.seen(JobReplayed)
    replayed = {event.job_id for event in told}
    assert replayed == {job.id for job in jobs}


async def test_a_broker_that_is_away_is_said_at_once():
    client = JobClient("amqp://guest:guest@127.0.0.1:1/", results=False)
    with pytest.raises(BrokerUnreachable, match="no RabbitMQ at"):
        await client.replay(uuid4(), by="ana")

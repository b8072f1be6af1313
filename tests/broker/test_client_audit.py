"""What a client submits for somebody is told, with who asked, for the audit."""

import aio_pika
import pytest

from shared.client import JobClient
from shared.messages import Asked, ControlTaken, JobAccepted, JobRejected

pytestmark = pytest.mark.broker


async def test_who_submits_a_job_is_told_with_it(deployment, until):
    namespace = deployment.topology.namespace
    async with (
        deployment.scheduler(),
        JobClient(deployment.url, namespace=namespace) as client,
    ):
        job = await client.submit("t", wait_accepted=True, answer_seconds=20, by="ana")
        await client.submit("t", wait_accepted=True, answer_seconds=20)
        await until(lambda: len(deployment.seen(JobAccepted)) == 2)
        (told,) = await until(lambda: deployment.seen(ControlTaken))
    assert (told.action, told.job_id, told.by) == (Asked.SUBMIT, job.id, "ana")
    assert told.scope == f"job {job.id}: t"


async def test_who_replays_rejected_messages_is_told_once_for_all(deployment, until):
    namespace = deployment.topology.namespace
    async with (
        deployment.scheduler(),
        JobClient(deployment.url, namespace=namespace, results=False) as client,
    ):
        assert await client.replay_rejected(by="ana", most=9) == 0
        channel = await deployment.connection.channel()
        exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
        for _ in range(2):
            await exchange.publish(aio_pika.Message(b"no job"), "submit")
        await until(lambda: len(deployment.seen(JobRejected)) == 2)
        assert await client.replay_rejected(by="ana", most=9) == 2
        (told,) = await until(lambda: deployment.seen(ControlTaken))
        await until(lambda: len(deployment.seen(JobRejected)) == 4)
    assert (told.action, told.job_id, told.by) == (Asked.REPLAY, None, "ana")
    assert told.scope == "2 rejected messages"

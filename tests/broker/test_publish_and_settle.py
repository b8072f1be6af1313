"""Publishing is confirmed or fails aloud; every consumed message is settled."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.exceptions import ChannelInvalidStateError

from shared.broker.consume import settling
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority
from shared.errors import InvalidJob, PublishFailed
from shared.messages import JobSubmit, QueuedJob
from shared.runtime import system_clock

NOW = system_clock()
JOB = Job(UUID(int=1), "t", Priority.NORMAL, Band.LOW, NOW, NOW + timedelta(hours=1), 60.0, ("R",))


async def test_a_message_for_which_there_is_no_queue_fails_at_once(deployment, until):
    elsewhere = Topology(("MARS",), 3, deployment.topology.namespace)
    publisher = Publisher(deployment.url, elsewhere, "test")
    with pytest.raises(PublishFailed, match=r"no queue takes .*MARS.urgent"):
        await publisher.ready(QueuedJob(job=JOB), "MARS", Lane.URGENT)
    await publisher.close()


async def test_publishing_goes_on_after_the_connection_was_lost(deployment, until):
    await deployment.publisher.submit(JobSubmit(type="a"), message_id=str(uuid4()))
    await deployment.publisher._connection.close()
    await deployment.publisher.submit(JobSubmit(type="b"), message_id=str(uuid4()))
    await until(lambda: _has(deployment, 2))


async def test_many_publishers_at_once_share_one_connection(deployment, until):
    await asyncio.gather(
        *(
            deployment.publisher.submit(JobSubmit(type="a"), message_id=str(uuid4()))
            for _ in range(200)
        )
    )
    await until(lambda: _has(deployment, 200))


async def _has(deployment, count):
    return await deployment.count(deployment.topology.submitted) == count


async def consume(deployment, handle):
    channel = await deployment.connection.channel()
    queue = await channel.get_queue(deployment.topology.submitted.name, ensure=False)
    await queue.consume(settling(handle, deployment.publisher.set_aside))


async def test_an_invalid_message_is_kept_whole_with_its_reason(deployment, until):
    async def refuse(message):
        raise InvalidJob("type: required")

    await deployment.publisher.submit(JobSubmit(type="a"), message_id="m1")
    await consume(deployment, refuse)
    rejected = deployment.topology.rejected
    await until(lambda: _counted(deployment, rejected))
    channel = await deployment.connection.channel()
    queue = await channel.get_queue(rejected.name, ensure=False)
    message = await queue.get()
    assert message.headers["x-reason"] == "type: required"
    assert (message.message_id, b'"type":"a"' in message.body) == ("m1", True)
    assert await deployment.count(deployment.topology.submitted) == 0


async def _counted(deployment, queue):
    return await deployment.count(queue)


async def test_a_message_whose_handling_broke_is_delivered_again(deployment, until):
    seen = []

    async def break_once(message):
        seen.append(message.redelivered)
        if len(seen) == 1:
            raise OSError("the disk is away")

    await deployment.publisher.submit(JobSubmit(type="a"), message_id="m1")
    await consume(deployment, break_once)
    await until(lambda: len(seen) == 2)
    assert seen == [False, True]


async def test_a_message_that_breaks_the_service_twice_is_kept_aside(deployment, until):
    seen = []

    async def break_always(message):
        seen.append(message.redelivered)
        raise OverflowError("date value out of range")

    await deployment.publisher.submit(JobSubmit(type="a"), message_id="m1")
    await consume(deployment, break_always)
    await until(lambda: _counted(deployment, deployment.topology.rejected))
    assert seen == [False, True]


async def test_a_senders_own_routing_does_not_bring_a_rejected_message_back(deployment, until):
    async def refuse(message):
        raise InvalidJob("type: required")

    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    await exchange.publish(aio_pika.Message(b"x", headers={"CC": ["submit"]}), "rejected.not")
    await consume(deployment, refuse)
    await until(lambda: _counted(deployment, deployment.topology.rejected))
    assert await deployment.count(deployment.topology.submitted) == 0
    assert await deployment.count(deployment.topology.rejected) == 1


async def test_a_channel_that_closed_unseen_is_given_up_and_the_message_published(
    deployment, monkeypatch
):
    publisher = deployment.publisher
    await publisher.submit(JobSubmit(type="t"), message_id="first")
    known = publisher._exchanges[deployment.topology.jobs.name]

    async def closed(*_args, **_options):
        raise ChannelInvalidStateError("closed")

    monkeypatch.setattr(known, "publish", closed)
    await publisher.submit(JobSubmit(type="t"), message_id="second")
    assert publisher._exchanges[deployment.topology.jobs.name] is not known
    assert await deployment.count(deployment.topology.submitted) == 2

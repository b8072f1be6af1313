"""The topology on a real broker."""

from uuid import uuid4

import pytest

from shared.broker.connection import connect
from shared.broker.stream import follow_control
from shared.broker.topology import Topology, check, declare
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.errors import BrokerUnreachable, ConfigurationError
from shared.messages import CancelJob, PauseWork, QueuedJob, SetEco, decode_queued
from shared.runtime import system_clock


async def test_declaring_twice_is_harmless(deployment):
    await declare(deployment.connection, deployment.topology)
    await check(deployment.connection, deployment.topology.queues())


async def test_a_missing_queue_is_named_with_what_to_do(deployment):
    other = Topology(("R",), 3, f"{deployment.topology.namespace}x")
    with pytest.raises(ConfigurationError, match=r"jobs.submitted is missing; run `carbon-aware"):
        await check(deployment.connection, [other.submitted])


async def test_a_queue_with_other_arguments_is_explained_and_not_changed(deployment):
    channel = await deployment.connection.channel()
    other = Topology(("OTHER",), 2, deployment.topology.namespace)
    queue = other.ready_queues()[0]
    held = dict(queue.arguments) | {"x-delivery-limit": 7}
    await channel.declare_queue(queue.name, durable=True, arguments=held)
    with pytest.raises(ConfigurationError) as caught:
        await declare(deployment.connection, other)
    line = str(caught.value)
    assert f"the queue {queue.name} was declared by another version" in line
    assert "x-delivery-limit is 7, and this version wants 100" in line
    assert "set NAMESPACE to start beside it" in line
    channel = await deployment.connection.channel()
    await channel.declare_queue(queue.name, durable=True, arguments=held)  # as it was
    await channel.queue_delete(queue.name, if_unused=False)


async def test_a_broker_that_is_not_there_is_one_line_with_the_next_step():
    with pytest.raises(BrokerUnreachable, match=r"no RabbitMQ at 127.0.0.1:1 .*carbon-aware up"):
        await connect("amqp://guest:secret@127.0.0.1:1/", "test")


async def test_a_password_is_never_shown():
    with pytest.raises(BrokerUnreachable) as caught:
        await connect("amqp://guest:secret@127.0.0.1:1/", "test")
    assert "secret" not in str(caught.value)


async def test_what_was_asked_for_is_kept_and_can_be_read_from_the_first_on(deployment, until):
    asked = [
        CancelJob(id=uuid4(), at=system_clock(), by="ana", job_id=uuid4(), reason="wrong data"),
        PauseWork(id=uuid4(), at=system_clock(), job_type="t"),
        SetEco(id=uuid4(), at=system_clock(), on=False),
    ]
    for each in asked:
        await deployment.publisher.control(each)
    read = []
    channel = await deployment.connection.channel()
    await follow_control(
        channel,
        deployment.topology.control_log,
        "first",
        lambda each, number: read.append((number, each)),
    )
    await until(lambda: len(read) == 3)
    assert read == list(enumerate(asked))
    later = []
    other = await deployment.connection.channel()
    await follow_control(
        other, deployment.topology.control_log, 2, lambda each, number: later.append((number, each))
    )
    await until(lambda: later)
    assert later == [(2, asked[2])]


async def test_the_rest_of_a_job_comes_back_through_the_intake(deployment):
    now = system_clock()
    job = Job(uuid4(), "t", Priority.NORMAL, Band.LOW, now, now, 1.0, ("R",))
    rest = QueuedJob(job=job, piece=2, checkpoint={"epoch": 4}, remaining_seconds=30.0)
    await deployment.publisher.resume(rest)
    message = await deployment.fetch(deployment.topology.submitted)
    assert (message.routing_key, message.type) == ("resume", "job.queued.v1")
    assert message.correlation_id == str(job.id)
    assert decode_queued(message.body) == rest


async def test_a_worker_names_a_control_log_that_is_not_there(deployment, until):
    channel = await deployment.connection.channel()
    await channel.queue_delete(deployment.topology.control_log.name, if_unused=False)
    with pytest.raises(ConfigurationError, match=r"control.log is missing; run `carbon-aware"):
        await check(deployment.connection, [deployment.topology.control_log])

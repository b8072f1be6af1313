"""The topology on a real broker."""

import pytest

from shared.broker.connection import connect
from shared.broker.topology import Topology, check, declare
from shared.errors import BrokerUnreachable, ConfigurationError


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
    name = other.ready_queues()[0].name
    await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "classic"})
    with pytest.raises(ConfigurationError, match="another version of these queues"):
        await declare(deployment.connection, other)
    channel = await deployment.connection.channel()
    await channel.queue_delete(name)


async def test_a_broker_that_is_not_there_is_one_line_with_the_next_step():
    with pytest.raises(BrokerUnreachable, match=r"no RabbitMQ at 127.0.0.1:1 .*carbon-aware up"):
        await connect("amqp://guest:secret@127.0.0.1:1/", "test")


async def test_a_password_is_never_shown():
    with pytest.raises(BrokerUnreachable) as caught:
        await connect("amqp://guest:secret@127.0.0.1:1/", "test")
    assert "secret" not in str(caught.value)

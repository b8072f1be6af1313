"""A broker that is short of memory holds its publishers up; they say so, wait, and lose nothing."""

import asyncio
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.broker import flow
from shared.broker.connection import connect
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, declare, message_counts
from shared.messages import JobSubmit

CONFIRM_SECONDS = 6.0  # longer than any confirm of a busy machine, shorter than the alarm
LOW, USUAL = "0.0001", "0.4"


@pytest.fixture
async def publisher(own_node, namespace):
    topology = Topology(("R",), 2, namespace)
    connection = await connect(own_node.amqp_url, "test")
    await declare(connection, topology)
    publisher = Publisher(own_node.amqp_url, topology, "test")
    yield publisher
    await publisher.close()
    await connection.close()


@pytest.fixture
def alarm(own_node):
    """Raises the alarm and ends it."""

    async def set_to(watermark):
        await asyncio.to_thread(own_node.ctl, "set_vm_memory_high_watermark", watermark)

    yield set_to
    own_node.ctl("set_vm_memory_high_watermark", USUAL)


async def submit(publisher, count):
    jobs = (JobSubmit(type="a") for _ in range(count))
    await asyncio.gather(*(publisher.submit(job, message_id=str(uuid4())) for job in jobs))


async def submitted(own_node, publisher):
    connection = await connect(own_node.amqp_url, "test")
    name = publisher._topology.submitted.name
    count = (await message_counts(connection, [name]))[name]
    await connection.close()
    return count


async def test_an_alarm_is_waited_out_and_each_message_arrives_once(
    own_node, publisher, alarm, monkeypatch, until
):
    # Shorter than the alarm lasts: without the look at it every message would be sent again.
    monkeypatch.setattr(flow, "CONFIRM_SECONDS", CONFIRM_SECONDS)
    monkeypatch.setattr(flow, "LOOK_SECONDS", 0.5)
    await submit(publisher, 1)
    with capture_logs() as logs:
        await alarm(LOW)
        first = asyncio.create_task(submit(publisher, 3))
        await until(lambda: publisher.is_blocked)
        late = asyncio.create_task(submit(publisher, 3))
        done, _ = await asyncio.wait({first, late}, timeout=1.5 * CONFIRM_SECONDS)
        assert not done
        await alarm(USUAL)
        async with asyncio.timeout(30):
            await asyncio.gather(first, late)
    assert not publisher.is_blocked
    assert await submitted(own_node, publisher) == 7
    told = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert len(told) == 1
    assert "blocked publishing" in told[0]


async def test_a_blocked_publisher_can_be_closed(publisher, alarm, until):
    await submit(publisher, 1)
    await alarm(LOW)
    waiting = asyncio.create_task(submit(publisher, 1))
    await until(lambda: publisher.is_blocked)
    waiting.cancel()
    async with asyncio.timeout(10):
        await publisher.close()
    assert not publisher.is_blocked

"""What the broker ends is begun anew."""

import asyncio

import pytest

from shared.broker.connection import keep_connected
from shared.messages import Reply
from shared.runtime import system_random


async def test_a_consumer_that_the_broker_ends_begins_anew(deployment, namespace, until):
    name, sessions, got = f"{namespace}.mine", [], []
    stop = asyncio.Event()

    async def session(connection):
        channel = await connection.channel()
        queue = await channel.declare_queue(name)

        async def note(message):
            got.append(message.body)
            await message.ack()

        await queue.consume(note)
        sessions.append(connection)
        await stop.wait()

    task = asyncio.create_task(keep_connected(deployment.url, "t", session, stop, system_random))
    await until(lambda: len(sessions) == 1)
    channel = await deployment.connection.channel()
    await channel.queue_delete(name, if_unused=False, if_empty=False)
    await until(lambda: len(sessions) == 2)
    assert sessions[0].is_closed
    await deployment.publisher.reply(name, "c", Reply(id=None, accepted=False, reason="none"))
    await until(lambda: got)
    stop.set()
    async with asyncio.timeout(20):
        await task
    await channel.queue_delete(name, if_unused=False, if_empty=False)


@pytest.mark.parametrize("error", [Exception(), RuntimeError("<Connection> closed")])
async def test_what_the_client_says_of_a_connection_that_closes_begins_anew(deployment, error):
    sessions, stop = [], asyncio.Event()

    async def session(connection):
        sessions.append(connection)
        if len(sessions) == 1:
            raise error
        stop.set()

    async with asyncio.timeout(20):
        await keep_connected(deployment.url, "t", session, stop, lambda: 0.0)
    assert len(sessions) == 2


@pytest.mark.parametrize("error", [Exception("a bug"), RuntimeError("a bug"), KeyError("a")])
async def test_a_fault_of_our_own_is_no_lost_connection(deployment, error):
    async def session(connection):
        raise error

    with pytest.raises(type(error)) as raised:
        await keep_connected(deployment.url, "t", session, asyncio.Event(), lambda: 0.0)
    assert raised.value is error

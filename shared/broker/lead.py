"""One of several processes leads: the one whose connection has the exclusive queue of a name.

The broker gives such a queue to one connection alone and deletes it with it. In a cluster that
holds on every node, and when a node is lost, what its connections had is free at once; a classic
queue that outlives its connections would be as unreachable as the one node that it lives on.
"""

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import ChannelLockedResource

from shared.broker.consume import acknowledge


async def wait_for_lead(
    connection: AbstractConnection, name: str, stop: asyncio.Event, every_seconds: float
) -> bool:
    """Try to lead until it works; False when told to stop before that.

    The lead is lost with the connection, so that nobody leads without the broker's knowledge.

    Args:
        connection: one that consumes, so that it closes when the broker takes the queue away.
        name: of the queue, as the topology says it.
        stop: ends the waiting.
        every_seconds: how long to wait between two tries.
    """
    while not await _take_lead(connection, name):
        with suppress(TimeoutError):
            async with asyncio.timeout(every_seconds):
                await stop.wait()
        if stop.is_set():
            return False
    return True


async def _take_lead(connection: AbstractConnection, name: str) -> bool:
    channel = await connection.channel()

    async def ignore(message: AbstractIncomingMessage) -> None:
        await acknowledge(message)

    try:
        lead = await channel.declare_queue(name, exclusive=True)
    except ChannelLockedResource:
        return False
    await lead.consume(ignore)
    return True

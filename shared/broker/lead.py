"""One of several processes leads: the one that the broker lets consume a queue exclusively."""

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import ChannelClosed

from shared.broker.consume import acknowledge
from shared.broker.topology import Queue


async def wait_for_lead(
    connection: AbstractConnection, queue: Queue, stop: asyncio.Event, every_seconds: float
) -> bool:
    """Try to lead until it works; False when told to stop before that.

    The lead is lost with the connection, so that nobody leads without the broker's knowledge.
    """
    while not await _take_lead(connection, queue):
        with suppress(TimeoutError):
            async with asyncio.timeout(every_seconds):
                await stop.wait()
        if stop.is_set():
            return False
    return True


async def _take_lead(connection: AbstractConnection, queue: Queue) -> bool:
    channel = await connection.channel()
    consumed = await channel.get_queue(queue.name, ensure=False)

    async def ignore(message: AbstractIncomingMessage) -> None:
        await acknowledge(message)

    try:
        await consumed.consume(ignore, exclusive=True)
    except ChannelClosed:
        return False
    return True

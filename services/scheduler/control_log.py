"""Follows the control log: all of its history first, then what is asked for as it comes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.broker.stream import follow_control
from shared.broker.topology import Queue, message_counts
from shared.messages import AnyControl

MOST_SECONDS = 30.0
IDLE_SECONDS = 0.2
"""A stream has no end: this long without a message, after the first, and its history is read."""

log = structlog.get_logger()


class ControlLog:
    """One session's ear for what people ask for.

    It reads from the first message that is kept, as the worker pools do: were an old pause known
    to them alone, they and the scheduler would send its jobs to and fro for ever.
    """

    def __init__(self, take: Callable[[AnyControl], None]) -> None:
        """Take what is called with every message, in order."""
        self._on_order = take
        self._channel: AbstractChannel | None = None
        self._arrived = asyncio.Event()

    async def follow(
        self, connection: AbstractConnection, queue: Queue, most_seconds: float = MOST_SECONDS
    ) -> None:
        """Read what there is, then return and go on reading as long as the connection lives.

        The wait for the history is bounded: deadlines are kept although it cannot be read.
        """
        counts = await message_counts(connection, [queue.name])
        self._channel = await connection.channel()  # one that nobody holds stops delivering
        await follow_control(self._channel, queue, "first", self._take)
        try:
            async with asyncio.timeout(most_seconds):
                if counts[queue.name]:
                    await self._arrived.wait()  # a busy broker may take its time to begin
                while await self._more_came():
                    pass
        except TimeoutError:
            log.warning("control log not read to its end in time", seconds=most_seconds)

    def _take(self, asked: AnyControl, _number: int) -> None:
        self._arrived.set()
        self._on_order(asked)

    async def _more_came(self) -> bool:
        self._arrived.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                await self._arrived.wait()
        return self._arrived.is_set()

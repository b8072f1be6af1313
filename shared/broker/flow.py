"""Waiting for the broker's word on a message, also while an alarm of its own makes it wait.

A broker that is short of memory or of disk stops reading from every connection that publishes. What
was sent lies in the socket and is taken when the alarm ends: sending it again then makes
duplicates, so whoever publishes waits instead, and says so.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog
from aio_pika.abc import AbstractConnection

from shared.tasks import end

CONFIRM_SECONDS = 20.0
LOOK_SECONDS = 2.0
"""Without a confirm for so long, a publisher looks whether the broker has blocked it."""
IS_READY_SECONDS = 0.05

log = structlog.get_logger()


class Flow:
    """Whether the broker takes messages from one publisher."""

    def __init__(self, name: str) -> None:
        """Begin with a broker that takes them."""
        self._name = name
        self._free = asyncio.Event()
        self._free.set()
        self._limits: set[asyncio.Timeout] = set()
        self._watched: AbstractConnection | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether the broker takes nothing for now."""
        return not self._free.is_set()

    async def until_free(self) -> None:
        """Wait out an alarm that is known."""
        await self._free.wait()

    async def forget(self) -> None:
        """Look no longer, for the connection is given up."""
        if self._watching is not None:
            await end(self._watching)

    async def confirmed(self, connection: AbstractConnection, publishing: Awaitable[Any]) -> None:
        """Wait until a message is confirmed; the time of an alarm does not count.

        Raises:
            TimeoutError: the broker takes messages, and has not confirmed this one in time.
            AMQPError: what publishing raised.
        """
        self._watch_over(connection)
        async with asyncio.timeout(None if self.is_blocked else CONFIRM_SECONDS) as limit:
            self._limits.add(limit)
            try:
                await publishing
            finally:
                self._limits.discard(limit)

    def _watch_over(self, connection: AbstractConnection) -> None:
        """One look-out for all messages under way: a task for each would cost too much."""
        if self._watched is not connection and self._watching is not None:
            self._watching.cancel()
            self._watching = None
        self._watched = connection
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(connection))

    async def _watch(self, connection: AbstractConnection) -> None:
        await asyncio.sleep(LOOK_SECONDS)
        while self._limits:
            if await _is_held_up(connection):
                await self._wait_out(connection)
            await asyncio.sleep(LOOK_SECONDS)

    async def _wait_out(self, connection: AbstractConnection) -> None:
        log.warning(
            "the broker has blocked publishing (memory or disk alarm), waiting", by=self._name
        )
        self._free.clear()
        self._set_limits(None)
        ready = asyncio.ensure_future(_ready(connection))
        closed = asyncio.ensure_future(connection.closed())
        try:
            await asyncio.wait({ready, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            closed.cancel()
            self._set_limits(asyncio.get_running_loop().time() + CONFIRM_SECONDS)
            self._free.set()
        log.info("the broker takes messages again, or the connection was lost", by=self._name)

    def _set_limits(self, when: float | None) -> None:
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(when)


async def _ready(connection: AbstractConnection) -> None:
    if connection.transport is not None:
        await connection.transport.connection.ready()


async def _is_held_up(connection: AbstractConnection) -> bool:
    try:
        async with asyncio.timeout(IS_READY_SECONDS):
            await _ready(connection)
    except TimeoutError:
        return True
    return False

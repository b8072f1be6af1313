"""Waiting for the broker's word on a message, also while an alarm of its own makes it wait.

A broker that is short of memory or of disk stops reading from every connection that publishes. What
was sent lies in the socket and is taken when the alarm ends: sending it again then makes
duplicates, so whoever publishes waits instead, and says so.
"""

import asyncio
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
        self._alarm: asyncio.Task[None] | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether the broker takes nothing for now."""
        return self._alarm is not None

    async def until_free(self) -> None:
        """Wait out an alarm that is known."""
        while self._alarm is not None:
            await asyncio.wait({self._alarm})

    async def forget(self) -> None:
        """Stop waiting for an alarm's end, for the connection is given up."""
        if self._alarm is not None:
            await end(self._alarm)

    async def confirmed(
        self, connection: AbstractConnection, publishing: asyncio.Future[Any]
    ) -> None:
        """Wait until a message is confirmed; the time of an alarm does not count.

        Raises:
            TimeoutError: the broker takes messages, and has not confirmed this one in time.
            AMQPError: what publishing raised.
        """
        waited_seconds = 0.0
        try:
            while waited_seconds < CONFIRM_SECONDS:
                await asyncio.wait({publishing}, timeout=LOOK_SECONDS)
                if publishing.done():
                    publishing.result()
                    return
                waited_seconds += LOOK_SECONDS
                if await self._is_held_up(connection):
                    await self._wait_out(connection, publishing)
                    waited_seconds = 0.0
        finally:
            publishing.cancel()
        raise TimeoutError(f"no confirm within {CONFIRM_SECONDS:.0f} s")

    async def _is_held_up(self, connection: AbstractConnection) -> bool:
        transport = connection.transport
        if transport is None:
            return False
        try:
            async with asyncio.timeout(IS_READY_SECONDS):
                await transport.connection.ready()
        except TimeoutError:
            return True
        return False

    async def _wait_out(
        self, connection: AbstractConnection, publishing: asyncio.Future[Any]
    ) -> None:
        if self._alarm is None:
            self._alarm = asyncio.create_task(self._until_unblocked(connection))
        await asyncio.wait({publishing, self._alarm}, return_when=asyncio.FIRST_COMPLETED)

    async def _until_unblocked(self, connection: AbstractConnection) -> None:
        log.warning(
            "the broker has blocked publishing (memory or disk alarm), waiting", by=self._name
        )
        ready = asyncio.ensure_future(_ready(connection))
        closed = asyncio.ensure_future(connection.closed())
        try:
            await asyncio.wait({ready, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            closed.cancel()
            self._alarm = None
        log.info("the broker takes messages again, or the connection was lost", by=self._name)


async def _ready(connection: AbstractConnection) -> None:
    if connection.transport is not None:
        await connection.transport.connection.ready()

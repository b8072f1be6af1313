"""Whether events wait in the queue that were there before the ledger could record them."""

import asyncio

from aio_pika.abc import AbstractConnection

from shared.broker.topology import Queue, message_counts


class Backlog:
    """What waited in the queue when a session began to consume it, and is not written yet.

    While there is some, the ledger does not hold all that happened until now.

    Attributes:
        is_written: set once the queue had nothing left, until nobody consumes it any more.
    """

    def __init__(self, queue: Queue) -> None:
        """Nothing is known of the queue before a session looks."""
        self._queue = queue
        self._left = 0
        self.is_written = asyncio.Event()

    async def begin(self, connection: AbstractConnection) -> None:
        """Look before the first delivery is asked for."""
        self.is_written.clear()
        await self._look(connection)

    def end(self) -> None:
        """Nobody consumes the queue now, and what waits in it is not known."""
        self.is_written.clear()

    async def wrote(self, connection: AbstractConnection, events: int) -> None:
        """So many deliveries were committed; look again where those that waited are among them."""
        if not self.is_written.is_set():
            self._left -= events
            if self._left <= 0:
                await self._look(connection)

    async def _look(self, connection: AbstractConnection) -> None:
        """What is not yet delivered; the queue hands the oldest over first."""
        self._left = (await message_counts(connection, [self._queue.name]))[self._queue.name]
        if self._left == 0:
            self.is_written.set()

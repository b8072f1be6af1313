"""Deliveries that wait to be written, and their acknowledgement in one frame."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from aio_pika.abc import AbstractIncomingMessage

from shared.broker.connection import LOST


class Inbox:
    """What one channel delivered and nobody has written yet, in its order."""

    def __init__(self) -> None:
        """Start empty, on a new channel."""
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._changed = asyncio.Event()
        self._acknowledged = 0
        self.closed = False

    async def put(self, message: AbstractIncomingMessage) -> None:
        """Take a delivery."""
        self._waiting.append(message)
        self._changed.set()

    def close(self, *_: object) -> None:
        """The channel is gone; whoever waits is woken."""
        self.closed = True
        self._changed.set()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._changed.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a delivery, a close or a wake; False if none came in time."""
        if not self._waiting and not self.closed:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        return bool(self._waiting) or self._changed.is_set()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, most: int) -> list[AbstractIncomingMessage]:
        """The oldest deliveries, at most so many."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def acknowledge(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """Acknowledge a written batch; on a channel that is gone it is delivered again.

        One frame settles all up to its tag, so it is used only where nothing else is below it.
        """
        with suppress(*LOST):
            if self._is_next(batch):
                await batch[-1].ack(multiple=True)
            else:
                for message in batch:
                    await message.ack()
            self._acknowledged = max(message.delivery_tag or 0 for message in batch)

    def _is_next(self, batch: Sequence[AbstractIncomingMessage]) -> bool:
        following = range(self._acknowledged + 1, self._acknowledged + 1 + len(batch))
        return [message.delivery_tag for message in batch] == list(following)

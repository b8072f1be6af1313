"""A region's pool in one process: what it holds, what it runs, and how it changes its size."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import structlog
from aio_pika.abc import AbstractIncomingMessage

from services.worker_pool.capacity import Limit
from shared.domain.jobs import Lane

log = structlog.get_logger()

Work = Callable[[AbstractIncomingMessage], Awaitable[None]]
HandBack = Callable[[Lane, AbstractIncomingMessage], Awaitable[None]]
_LANES = tuple(Lane)


@dataclass(order=True, slots=True)
class _Held:
    """A message that was delivered and has not started; urgent lanes first, then oldest."""

    lane_rank: int
    number: int
    message: AbstractIncomingMessage = field(compare=False)


class Pool:
    """Starts held messages while fewer than the limit run; what started is never interrupted."""

    def __init__(self, work: Work, hand_back: HandBack, limit: Limit) -> None:
        """Take what settles a message, what returns one that has not started, and a limit."""
        self._work = work
        self._hand_back = hand_back
        self.limit = limit
        self._held: list[_Held] = []
        self._running: set[asyncio.Task[None]] = set()
        self._numbers = count()

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._running)

    @property
    def held(self) -> int:
        """How many messages wait inside this process."""
        return len(self._held)

    async def take(self, lane: Lane, message: AbstractIncomingMessage) -> None:
        """Hold a delivered message, or start it at once if there is room."""
        heapq.heappush(self._held, _Held(_LANES.index(lane), next(self._numbers), message))
        self._fill()

    def resize(self, limit: Limit) -> None:
        """Set a new limit; growth starts held messages at once."""
        self.limit = limit
        self._fill()

    async def return_held(self, tags: set[str]) -> int:
        """Give back what cancelled consumers delivered and nothing has started."""
        surplus = [each for each in self._held if each.message.consumer_tag in tags]
        self._held = [each for each in self._held if each.message.consumer_tag not in tags]
        heapq.heapify(self._held)
        for each in surplus:
            await self._hand_back(_LANES[each.lane_rank], each.message)
        return len(surplus)

    def forget_held(self) -> None:
        """Drop what a lost connection had delivered: the broker delivers it again."""
        self._held.clear()

    async def drain(self, grace_seconds: float) -> int:
        """Wait for what runs, at most the grace, then cancel it; returns how many were cut."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        cut = [task for task in self._running if not task.done()]
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    def _fill(self) -> None:
        while self._held and len(self._running) < self.limit.consumers:
            message = heapq.heappop(self._held).message
            task = asyncio.ensure_future(self._work(message))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a job's task broke", error=str(task.exception()))
        self._fill()

"""A region's pool in one process: what it holds, what it runs, and how it changes its size."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from aio_pika.abc import AbstractIncomingMessage

from services.worker_pool.capacity import Limit
from shared.domain.jobs import Lane
from shared.domain.lanes import next_lane, passed_over_after

CANCEL_SECONDS = 2.0
"""What a cancelled task may take to end; its message is given back even if it does not."""

log = structlog.get_logger()

Work = Callable[[AbstractIncomingMessage], Awaitable[None]]
HandBack = Callable[[Lane, AbstractIncomingMessage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Held:
    """A message that was delivered; one whose latest start is reached counts as urgent."""

    lane: Lane
    message: AbstractIncomingMessage
    latest_start: datetime | None


class Pool:
    """Starts held messages while fewer than the limit run; what started is never interrupted.

    Attributes:
        limit: how many may run.
        started: how many have been started so far.
        changed_at: when a job last started or ended.
        on_ended: called whenever a job has ended.
    """

    def __init__(
        self, work: Work, hand_back: HandBack, limit: Limit, clock: Callable[[], datetime]
    ) -> None:
        """Take what settles a message, what returns one that has not started, and a limit."""
        self._work = work
        self._hand_back = hand_back
        self._clock = clock
        self.limit = limit
        self._held: dict[Lane, deque[_Held]] = {lane: deque() for lane in Lane}
        self._running: dict[asyncio.Future[None], _Held] = {}
        self._passed_over: dict[Lane, int] = {}
        self.started = 0
        self.changed_at = clock()
        self.on_ended: Callable[[], None] = lambda: None

    @property
    def is_full(self) -> bool:
        """Whether nothing more may start."""
        return self.running >= self.limit.consumers

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._running)

    @property
    def held(self) -> int:
        """How many messages wait inside this process."""
        return sum(self._waiting().values())

    def held_in(self, lane: Lane) -> int:
        """How many of them wait in a lane."""
        return len(self._held[lane])

    async def take(
        self, lane: Lane, message: AbstractIncomingMessage, latest_start: datetime | None = None
    ) -> None:
        """Hold a delivered message, or start it at once if there is room."""
        self._held[lane].append(_Held(lane, message, latest_start))
        self._fill()

    def resize(self, limit: Limit) -> None:
        """Set a new limit; growth starts held messages at once, those that are due first."""
        self.limit = limit
        self._promote_due()
        self._fill()

    def take_out(
        self, unwanted: Callable[[AbstractIncomingMessage], bool]
    ) -> list[AbstractIncomingMessage]:
        """Let go of held messages, and say which; somebody else settles them."""
        return [held.message for held in self._remove(lambda held: unwanted(held.message))]

    async def return_held(self, tags: set[str]) -> int:
        """Give back what cancelled consumers delivered and nothing has started."""
        surplus = self._remove(lambda held: held.message.consumer_tag in tags)
        await asyncio.gather(*(self._hand_back(held.lane, held.message) for held in surplus))
        return len(surplus)

    def forget_held(self) -> None:
        """Drop what a lost connection had delivered: the broker delivers it again."""
        for lane in Lane:
            self._held[lane].clear()

    async def wait_idle(self, seconds: float) -> bool:
        """Wait for what runs, at most this long; True when nothing runs any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running:
                    await asyncio.wait(self._running)
        return not self._running

    async def cut(self) -> int:
        """Cancel what runs and give its messages back; returns how many were cut."""
        cut = dict(self._running)
        for task in cut:
            task.cancel()
        if cut:
            await asyncio.wait(cut, timeout=CANCEL_SECONDS)
        unsettled = [held for task, held in cut.items() if task.cancelled() or not task.done()]
        await asyncio.gather(*(self._hand_back(held.lane, held.message) for held in unsettled))
        return len(unsettled)

    def _fill(self) -> None:
        while True:
            running = Counter(held.lane for held in self._running.values())
            lane = next_lane(
                self._waiting(), running, self._passed_over, self.limit.consumers, self.limit.band
            )
            if lane is None:
                return
            self._start(lane)

    def _promote_due(self) -> None:
        now = self._clock()
        for held in self._remove(
            lambda held: (
                held.lane is not Lane.URGENT
                and held.latest_start is not None
                and held.latest_start <= now
            )
        ):
            self._held[Lane.URGENT].append(_Held(Lane.URGENT, held.message, held.latest_start))

    def _start(self, lane: Lane) -> None:
        held = self._held[lane].popleft()
        self._passed_over = passed_over_after(lane, self._waiting(), self._passed_over)
        task = asyncio.ensure_future(self._work(held.message))
        self._running[task] = held
        self.started += 1
        self.changed_at = self._clock()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a job's task broke", error=str(task.exception()))
        self.changed_at = self._clock()
        self._fill()
        self.on_ended()

    def _waiting(self) -> dict[Lane, int]:
        return {lane: len(held) for lane, held in self._held.items()}

    def _remove(self, chosen: Callable[[_Held], bool]) -> list[_Held]:
        removed = [held for lane in Lane for held in self._held[lane] if chosen(held)]
        if removed:
            gone = {id(held) for held in removed}
            for lane in Lane:
                kept = (held for held in self._held[lane] if id(held) not in gone)
                self._held[lane] = deque(kept)
        return removed

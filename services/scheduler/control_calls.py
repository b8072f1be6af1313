"""What an order changes for jobs that wait: which are to be looked at again, at once."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID, uuid5

import structlog

from services.scheduler.control import Orders
from services.scheduler.plan import Plan, Waiting
from shared.broker.publish import Publisher
from shared.messages import (
    AnyControl,
    CancelJob,
    Control,
    ControlTaken,
    PauseWork,
    ResumeWork,
    RunJobNow,
    action_of,
    scope_words,
)

MOST_LOOKS = 5
LOOK_AGAIN_SECONDS = 0.2
"""A message that is on its way into its place, or back, is not seen there for a moment."""

log = structlog.get_logger()


class Calls:
    """The leader's list of jobs that an order calls out of their slots, and of what to tell."""

    def __init__(
        self,
        orders: Orders,
        plan: Plan,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Nothing is called yet; the pauses in force are to be told."""
        self.wake: Callable[[], None] = lambda: None
        self._orders = orders
        self._plan = plan
        self._publisher = publisher
        self._clock = clock
        self._looks: dict[UUID, int] = {}
        self._to_tell: list[tuple[Control, str]] = [(pause, "") for pause in orders.pauses()]
        self._holding: dict[UUID, set[asyncio.Event]] = defaultdict(set)

    def hear(self, asked: AnyControl) -> None:
        """Note which waiting jobs an order is about; it stands already."""
        if isinstance(asked, CancelJob | RunJobNow):
            self._hear_of_job(asked)
        elif isinstance(asked, PauseWork):
            self._pause()
        elif isinstance(asked, ResumeWork):
            for waiting in self._plan.waiting():
                if waiting.paused:
                    self._call_if_concerned(waiting)
        if isinstance(asked, PauseWork | ResumeWork):
            self._to_tell.append((asked, ""))
        self.wake()

    def placed(self, waiting: Waiting) -> None:
        """Look whether an order came while a job was on its way into its slot."""
        if self._plan.get(waiting.job.id) is not waiting:
            return
        if not waiting.paused and self._orders.pause_of(waiting.job):
            self._plan.pause(waiting.job.id)
        self._call_if_concerned(waiting)

    def concerns(self, waiting: Waiting) -> bool:
        """Whether a job that waits there would not go on waiting if it were looked at."""
        job, orders = waiting.job, self._orders
        if orders.cancelled(job.id) is not None:
            return True
        if waiting.paused:
            return orders.pause_of(job) is None
        if orders.asked_to_run(job) is None:
            return False
        return waiting.not_before is None or orders.ends_backoff(job)

    def take(self) -> dict[int, dict[UUID, Waiting]]:
        """The jobs to be looked at now, by the slots in which they wait."""
        called: dict[int, dict[UUID, Waiting]] = defaultdict(dict)
        for job_id in list(self._looks):
            waiting = self._plan.get(job_id)
            if waiting is None:
                del self._looks[job_id]
            else:
                called[waiting.slot][job_id] = waiting
        return called

    def looked(self, called: dict[UUID, Waiting]) -> None:
        """Note that jobs were looked for; those not found are looked for again, a few times."""
        missing = [id_ for id_, waiting in called.items() if self._plan.get(id_) is waiting]
        for job_id in called:
            self._looks[job_id] = self._looks.get(job_id, 0) - 1
            if job_id not in missing or self._looks[job_id] <= 0:
                self._looks.pop(job_id, None)
        if any(job_id in self._looks for job_id in missing):
            asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self.wake)

    async def wait_out(self, job_id: UUID, seconds: float) -> None:
        """Wait, but not past an order about the job."""
        with self._held(job_id) as heard, suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await heard.wait()

    async def tell_all(self) -> None:
        """Tell what was heard since the last time."""
        while self._to_tell:
            asked, note = self._to_tell.pop(0)
            await self.tell(asked, note)

    async def tell(self, asked: Control, note: str = "") -> None:
        """Tell that an order was followed; told again, it counts once."""
        log.info("control taken", action=action_of(asked).value, by=asked.by)
        await self._publisher.event(
            ControlTaken(
                id=uuid5(asked.id, "scheduler"),
                at=self._clock(),
                action=action_of(asked),
                job_id=asked.job_id if isinstance(asked, CancelJob | RunJobNow) else None,
                scope=scope_words(asked) + note,
                by=asked.by,
            )
        )

    def _hear_of_job(self, asked: CancelJob | RunJobNow) -> None:
        for heard in self._holding.get(asked.job_id, ()):
            heard.set()
        waiting = self._plan.get(asked.job_id)
        if waiting is None:
            return
        pause = self._orders.pause_of(waiting.job)
        if isinstance(asked, RunJobNow) and pause is not None:
            self._to_tell.append((asked, f": it runs when the pause of {pause.scope} ends"))
        self._call_if_concerned(waiting)

    def _pause(self) -> None:
        """Free the room of what will not run; the jobs stay where they are."""
        for waiting in list(self._plan.waiting()):
            if self._orders.pause_of(waiting.job) is not None:
                self._plan.pause(waiting.job.id)

    def _call_if_concerned(self, waiting: Waiting) -> None:
        if self.concerns(waiting):
            self._looks[waiting.job.id] = MOST_LOOKS
            self.wake()

    @contextmanager
    def _held(self, job_id: UUID) -> Iterator[asyncio.Event]:
        heard = asyncio.Event()
        self._holding[job_id].add(heard)
        try:
            yield heard
        finally:
            self._holding[job_id].discard(heard)
            if not self._holding[job_id]:
                del self._holding[job_id]

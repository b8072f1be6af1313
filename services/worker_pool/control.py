"""A pool's ear for what people ask for: it follows the control log and acts on it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection

from services.worker_pool.stops import Stops
from shared.broker.publish import Publisher
from shared.broker.stream import Offset, follow_control
from shared.broker.topology import Queue
from shared.errors import PublishFailed
from shared.messages import (
    AnyControl,
    CancelJob,
    ControlTaken,
    PauseWork,
    ResumeWork,
    RunJobNow,
    Standing,
    action_of,
    scope_words,
)
from shared.tasks import end

CAUGHT_UP_SECONDS = 0.2
"""A stream has no end: this long without a message, and its history is read."""

log = structlog.get_logger()


class ControlLog:
    """Folds the control log into what stands, and stops running jobs that were cancelled.

    The whole log is read at the start, so a cancellation or pause from before counts too; after a
    lost connection reading goes on where it ended.
    """

    def __init__(
        self,
        pool: str,
        region: str,
        standing: Standing,
        stops: Stops,
        publisher: Publisher,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
    ) -> None:
        """Take what stands, and what to call when it has changed."""
        self._pool = pool
        self._region = region
        self._standing = standing
        self._stops = stops
        self._publisher = publisher
        self._clock = clock
        self._on_change = on_change
        self._next: Offset = "first"
        self._channel: AbstractChannel | None = None
        self._arrived = asyncio.Event()
        self._caught_up = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping: dict[UUID, asyncio.Task[None]] = {}

    async def follow(self, connection: AbstractConnection, log_queue: Queue) -> None:
        """Read what there is, then return and go on reading as long as the connection lives."""
        self._channel = await connection.channel()
        await follow_control(self._channel, log_queue, self._next, self._take)
        while await self._more_came():
            pass
        self._caught_up = True
        self._on_change()

    async def close(self) -> None:
        """End what is still being asked or told."""
        await end(*self._tasks)

    def _take(self, asked: AnyControl, number: int) -> None:
        self._next = number + 1
        self._arrived.set()
        self._standing.take(asked)
        cut = isinstance(asked, CancelJob) and self._cancel(asked)
        if not self._caught_up:
            return
        if cut or self._concerns_us(asked):
            log.info("control taken", action=action_of(asked).value, by=asked.by)
            self._start(self._tell(asked))
        self._on_change()

    async def _more_came(self) -> bool:
        self._arrived.clear()
        try:
            async with asyncio.timeout(CAUGHT_UP_SECONDS):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def _cancel(self, asked: CancelJob) -> bool:
        run = self._stops.running(asked)
        if run is None or asked.job_id in self._stopping:
            return False
        task = self._start(self._stops.cancel(asked, run))
        self._stopping[asked.job_id] = task
        task.add_done_callback(lambda _: self._stopping.pop(asked.job_id, None))
        return True

    def _concerns_us(self, asked: AnyControl) -> bool:
        if isinstance(asked, CancelJob | RunJobNow):
            return False  # of a job that is not here
        if isinstance(asked, PauseWork | ResumeWork):
            return asked.region in {None, self._region}
        return True

    async def _tell(self, asked: AnyControl) -> None:
        taken = ControlTaken(
            id=uuid5(asked.id, self._pool),
            at=self._clock(),
            action=action_of(asked),
            job_id=asked.job_id if isinstance(asked, CancelJob) else None,
            scope=f"{scope_words(asked)}: {self._pool}",
            by=asked.by,
        )
        try:
            await self._publisher.event(taken)
        except PublishFailed as error:
            log.warning("control taken, but not told", error=str(error))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

"""What becomes of a message that a ready queue delivered: it runs once, or is turned away."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import structlog
from aio_pika.abc import AbstractIncomingMessage

from services.worker_pool.attempts import Attempts
from shared.broker.publish import Publisher
from shared.domain.jobs import Job
from shared.errors import Undecodable
from shared.messages import CancelJob, JobCancelled, QueuedJob, Standing, decode_queued

REMEMBERED_ATTEMPTS = 10_000
NEWEST_SHARE = 0.1  # of one job in the running mean of durations
MOST_REDELIVERIES = 6
"""A job whose worker ended this often while it had it is suspected of ending it.

The broker counts so too for jobs that only waited in a pool or ran beside the guilty one, and when
it restarts itself: a few workers and a broker that fail one after the other accuse nobody.
"""

Piece = tuple[UUID, int, int]
"""A piece of an attempt: job, failed attempts before it, number of the piece."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class InFlight:
    """A job that runs here, and what is done when it has ended."""

    queued: QueuedJob
    ended: asyncio.Future[None]


class Taker:
    """Runs each piece of an attempt once; turns away what was cancelled or is paused.

    Attributes:
        mean_seconds: how long jobs have taken of late: the scheduler plans with it.
    """

    def __init__(
        self,
        pool: str,
        region: str,
        attempts: Attempts,
        publisher: Publisher,
        standing: Standing,
        clock: Callable[[], datetime],
    ) -> None:
        """Start with nothing in flight."""
        self._pool = pool
        self._region = region
        self._attempts = attempts
        self._publisher = publisher
        self._standing = standing
        self._clock = clock
        self.mean_seconds: float | None = None
        self._in_flight: dict[Piece, InFlight] = {}
        self._done: OrderedDict[Piece, None] = OrderedDict()

    @property
    def in_flight(self) -> list[InFlight]:
        """What runs in this pool now."""
        return list(self._in_flight.values())

    def unwanted(self, message: AbstractIncomingMessage) -> bool:
        """Whether a message would not be run: its job was cancelled, or its type is paused."""
        try:
            return self.turns_away(decode_queued(message.body).job)
        except Undecodable:
            return False

    def turns_away(self, job: Job) -> bool:
        """The same of a job."""
        cancelled = self._standing.cancelled(job.id)
        return bool(cancelled or self._standing.pause_of_type(job.type, self._region))

    async def work(self, message: AbstractIncomingMessage) -> None:
        """Run a job, or settle it otherwise; its message may be acknowledged afterwards.

        A second copy of a piece waits for the first and counts as done.
        """
        queued = decode_queued(message.body)
        piece = (queued.job.id, queued.job.attempts, queued.piece)
        if piece in self._done:
            log.info("attempt already done here", job_id=str(piece[0]), attempt=piece[1] + 1)
            return
        if piece in self._in_flight:
            await asyncio.shield(self._in_flight[piece].ended)
            return
        if await self._turned_away(queued):
            return
        deliveries = message.headers.get("x-delivery-count", 0)
        if isinstance(deliveries, int) and deliveries >= MOST_REDELIVERIES:
            await self._attempts.give_up(queued, self._pool, self._region, deliveries)
            return
        await self._run(piece, queued)

    async def _turned_away(self, queued: QueuedJob) -> bool:
        asked = self._standing.cancelled(queued.job.id)
        if asked is not None:
            log.info("cancelled job dropped", job_id=str(queued.job.id), by=asked.by)
            await self._publisher.event(self._cancelled(asked))
            return True
        if self._standing.pause_of_type(queued.job.type, self._region) is not None:
            # The scheduler keeps it until the type is resumed; nothing of it was spent.
            await self._publisher.resume(queued.model_copy(update={"slot": None}))
            return True
        return False

    def _cancelled(self, asked: CancelJob) -> JobCancelled:
        return JobCancelled(
            id=uuid5(asked.job_id, "cancelled"),
            at=self._clock(),
            job_id=asked.job_id,
            by=asked.by,
            reason=asked.reason,
        )

    async def _run(self, piece: Piece, queued: QueuedJob) -> None:
        started = self._clock()
        running = asyncio.ensure_future(self._attempts.run(queued, self._pool, self._region))
        self._in_flight[piece] = InFlight(queued, running)
        try:
            await running
        finally:
            del self._in_flight[piece]
        seconds = (self._clock() - started).total_seconds()
        mean = seconds if self.mean_seconds is None else self.mean_seconds
        self.mean_seconds = mean + NEWEST_SHARE * (seconds - mean)
        self._done[piece] = None
        if len(self._done) > REMEMBERED_ATTEMPTS:
            self._done.popitem(last=False)

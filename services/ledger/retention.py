"""Prunes once a day what is older than its retention, in pieces between the batches."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.ledger.prune import Pruning
from shared.ledger.schema import unreachable, writing
from shared.ledger.writes.retention import Pruned, PruneNote
from shared.runtime import Clock, wait_or_stop
from shared.tasks import end

EVERY_SECONDS = 86_400.0
AGAIN_SECONDS = 600.0
"""After the database refused."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished jobs are kept with all that belongs to them, and how long readings."""

    jobs: timedelta
    readings: timedelta


class Pruner:
    """Prunes at its start and then every day until stopped, but never before a backlog is written.

    A ledger that was away for longer than its retention finds jobs in its queue that ended before
    the limit. After a prune it would refuse them as told too late; recorded before it, they are in
    the roll-ups for good.
    """

    def __init__(
        self,
        engine: Engine,
        retention: Retention,
        clock: Clock,
        new_id: Callable[[], UUID],
        stop: asyncio.Event,
        backlog_is_written: asyncio.Event,
    ) -> None:
        """Prepare; nothing is deleted before `run`."""
        self._engine = engine
        self._retention = retention
        self._clock = clock
        self._new_id = new_id
        self._stop = stop
        self._backlog_is_written = backlog_is_written
        self.pruned_jobs = 0

    async def run(self) -> None:
        """Prune until stopped; a piece that was begun is ended."""
        while await self._may_prune():
            try:
                await self.prune()
            except SQLAlchemyError as error:
                log.warning("cannot prune now, trying again later", error=str(unreachable(error)))
                await wait_or_stop(self._stop, AGAIN_SECONDS)
            else:
                await wait_or_stop(self._stop, EVERY_SECONDS)

    async def _may_prune(self) -> bool:
        """Wait for the events that wait to be recorded; False when told to stop."""
        if not self._backlog_is_written.is_set():
            written = asyncio.create_task(self._backlog_is_written.wait())
            stopped = asyncio.create_task(self._stop.wait())
            try:
                await asyncio.wait({written, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(written, stopped)
        return not self._stop.is_set()

    async def prune(self) -> None:
        """Prune once, up to now less the retention."""
        now = self._clock()
        wanted = Pruned(now - self._retention.jobs, now - self._retention.readings)
        pruning = Pruning(PruneNote(self._new_id(), now, "ledger", wanted))
        more = True
        while more and not self._stop.is_set():
            began = time.monotonic()
            more = await asyncio.to_thread(self._piece, pruning)
            # Half of the time is the recorder's, whose batches would wait for the same lock.
            await wait_or_stop(self._stop, time.monotonic() - began)
        self.pruned_jobs += pruning.deleted.jobs
        _tell(pruning, wanted)

    def _piece(self, pruning: Pruning) -> bool:
        with writing(self._engine) as connection:
            return pruning.step(connection)


def _tell(pruning: Pruning, wanted: Pruned) -> None:
    """Say what went, and what could not."""
    before, jobs = wanted.jobs_before.isoformat(), pruning.deleted.jobs
    if jobs:
        log.info("pruned", before=before, jobs=jobs, dead_jobs=pruning.dead_jobs)
    held = pruning.held_by
    if held is not None:
        log.warning(
            "readings stay for a job that has not ended",
            job_id=str(held.job_id),
            state=held.state,
            began_at=held.began_at.isoformat(),
            readings_before=pruning.readings_before.isoformat(),
        )

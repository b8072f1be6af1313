"""Why running handlers are asked to stop: cancelled, a dirty grid, the end of the worker."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from services.worker_pool.attempts import Attempts
from services.worker_pool.taking import InFlight, Taker
from shared.domain.decisions import Rules
from shared.domain.grid import Grid, grid_at
from shared.domain.pausing import rest_should_wait
from shared.handlers import StopReason
from shared.messages import CancelJob, IntensityUpdated, QueuedJob, Standing

RULES = Rules()
"""A pause costs what a first wait costs, so it asks for as much."""

log = structlog.get_logger()


class Stops:
    """Asks what runs in one pool to stop; only a cancelled handler is made to."""

    def __init__(
        self,
        taker: Taker,
        attempts: Attempts,
        standing: Standing,
        clock: Callable[[], datetime],
        *,
        cancel_grace_seconds: float,
        slot_seconds: float,
    ) -> None:
        """Take what runs where, what was asked for, and the length of the timetable's slots."""
        self._taker = taker
        self._attempts = attempts
        self._standing = standing
        self._clock = clock
        self._cancel_grace_seconds = cancel_grace_seconds
        self._slot_seconds = slot_seconds

    def running(self, asked: CancelJob) -> InFlight | None:
        """The run that a cancellation is about, if it is in this pool."""
        found = (each for each in self._taker.in_flight if each.queued.job.id == asked.job_id)
        return next(found, None)

    async def cancel(self, asked: CancelJob, run: InFlight) -> None:
        """Ask a running handler to stop, and end it after the grace.

        A thread cannot be ended from outside: it keeps its place until it returns.
        """
        attempt = self._attempts.running.get(asked.job_id)
        if attempt is None:
            return
        log.info("running job asked to stop", job_id=str(asked.job_id), by=asked.by)
        attempt.stop.ask(StopReason.CANCEL, asked.by, asked.reason)
        await asyncio.wait({run.ended}, timeout=self._cancel_grace_seconds)
        if not run.ended.done():
            log.warning("it did not stop within the grace", job_id=str(asked.job_id))
            attempt.cut()

    def pause(self, update: IntensityUpdated) -> None:
        """Ask interruptible jobs to stop whose rest had better wait for cleaner slots."""
        now = self._clock()
        grid = grid_at(
            now, update.reading, update.band, update.freshness, update.forecast, update.cuts
        )
        for run in self._taker.in_flight:
            if self._rest_should_wait(run.queued, now, grid):
                limit = run.queued.job.accepts().words
                why = f"the grid is {grid.band.words}, the job's limit is {limit}"
                self._ask(run, StopReason.PAUSE, f"{why}, and cleaner slots are expected in time")

    def drain(self) -> None:
        """Ask interruptible jobs to stop, for this worker ends; others may finish in the grace."""
        for run in self._taker.in_flight:
            if run.queued.job.interruptible:
                self._ask(run, StopReason.DRAIN, "its worker stops")

    def cut(self) -> int:
        """End what runs here still, to be given back; a thread cannot be ended and goes on."""
        runs = self._taker.in_flight
        for run in runs:
            attempt = self._attempts.running.get(run.queued.job.id)
            if attempt is not None:
                attempt.stop.ask(StopReason.DRAIN, None, "its worker stops")
                attempt.cut()
        return len(runs)

    def returned(self) -> dict[UUID, QueuedJob]:
        """What still runs, as it is to be handed back: with its last checkpoint."""
        attempts = (self._attempts.running.get(run.queued.job.id) for run in self._taker.in_flight)
        rests = (attempt.returned() for attempt in attempts if attempt is not None)
        return {rest.job.id: rest for rest in rests}

    def _rest_should_wait(self, queued: QueuedJob, now: datetime, grid: Grid) -> bool:
        attempt = self._attempts.running.get(queued.job.id)
        if attempt is None or self._standing.wanted_now(queued.job) is not None:
            return False
        expected = queued.remaining_seconds
        if expected is None:
            expected = queued.job.expected_duration_seconds
        return rest_should_wait(
            queued.job,
            expected - (now - attempt.started_at).total_seconds(),
            now,
            grid,
            self._slot_seconds,
            RULES.worthwhile_share,
            RULES.worthwhile_g_per_kwh,
        )

    def _ask(self, run: InFlight, reason: StopReason, why: str) -> None:
        attempt = self._attempts.running.get(run.queued.job.id)
        if attempt is not None and not attempt.stop.asked:
            job_id = str(run.queued.job.id)
            log.info("interruptible job asked to stop", job_id=job_id, reason=why)
            attempt.stop.ask(reason, None, why)

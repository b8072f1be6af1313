"""Publishes what came of an attempt: its event, and the job's way on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

import structlog

from services.worker_pool.metrics import WorkerMetrics
from services.worker_pool.running import Attempt, RunningAttempt
from shared.broker.publish import Publisher
from shared.domain.energy import Energy
from shared.domain.jobs import State
from shared.domain.retry import backoff_seconds
from shared.messages import (
    JobCancelled,
    JobDied,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    QueuedJob,
)

PROGRESS_GIVE_UP_SECONDS = 5.0

log = structlog.get_logger()


class Outcomes:
    """One method for each thing that can come of an attempt; all is confirmed at the return.

    Each raises PublishFailed where it could not be published; the job must be delivered again
    then, and the ids of its events make the ledger count it once.
    """

    def __init__(
        self,
        publisher: Publisher,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        metrics: WorkerMetrics,
    ) -> None:
        """Take the way out, the jitter of retries, and what counts."""
        self._publisher = publisher
        self._clock = clock
        self._random = random
        self._metrics = metrics

    async def started(self, attempt: Attempt) -> None:
        """A handler begins."""
        event_id = uuid5(attempt.event_id("started"), attempt.started_at.isoformat())
        await self._publisher.event(
            JobStarted(id=event_id, at=attempt.started_at, **_attempted(attempt))
        )
        self._metrics.started(attempt.queued.job)

    async def progressed(
        self, attempt: Attempt, fraction: float | None, message: str | None
    ) -> None:
        """A handler says how far it is."""
        now = self._clock()
        event_id = uuid5(attempt.event_id("progressed"), now.isoformat())
        event = JobProgressed(
            id=event_id, at=now, fraction=fraction, message=message, **_attempted(attempt)
        )
        await self._publisher.event(event, give_up_seconds=PROGRESS_GIVE_UP_SECONDS)

    async def succeeded(self, ended: "Ended", result: Any) -> None:  # noqa: ANN401 - users' results
        """A handler returned."""
        attempt = ended.attempt
        event_id = attempt.event_id("succeeded")
        await self._publisher.event(JobSucceeded(id=event_id, result=result, **ended.fields()))
        self._count(ended, State.SUCCEEDED)
        log.info(
            "job succeeded", type=attempt.queued.job.type, duration_seconds=round(ended.seconds, 3)
        )

    async def failed(
        self,
        ended: "Ended",
        error: str,
        trace: str | None = None,
        *,
        most_retries: int | None = None,
        after_seconds: float | None = None,
        final: bool = False,
    ) -> None:
        """An attempt failed: it is tried again, or kept in `jobs.dead`.

        Args:
            ended: the attempt.
            error: one line.
            trace: the traceback, if there is one.
            most_retries: the handler's ceiling for the job's retries.
            after_seconds: the wait that the handler asked for, instead of the backoff.
            final: whether trying again cannot help.
        """
        attempt, job = ended.attempt, ended.attempt.queued.job
        event_id = attempt.event_id("failed")
        failed = JobFailed(id=event_id, error=error, traceback=trace, **ended.fields())
        again = ended.running.rest().model_copy(
            update={"job": replace(job, attempts=attempt.number), "piece": 1}
        )
        retries = job.retries
        if most_retries is not None:  # what a replay granted counts from there
            retries = min(retries, job.attempts_at_replay + most_retries)
        if final or attempt.number > retries:
            await self._bury(attempt, failed, again)
            self._count(ended, State.DEAD)
        else:
            await self._try_again(attempt, failed, again, after_seconds)
            self._count(ended, State.RETRYING)

    async def _bury(self, attempt: Attempt, failed: JobFailed, job: QueuedJob) -> None:
        log.error("job failed for good", type=job.job.type, error=failed.error)
        await self._publisher.dead(job, failed.error, failed.traceback)
        await self._publisher.event(failed)
        await self._publisher.event(self._died(attempt, failed.error))

    async def _try_again(
        self, attempt: Attempt, failed: JobFailed, job: QueuedJob, after_seconds: float | None
    ) -> None:
        wait = self._wait_seconds(attempt, after_seconds)
        not_before = self._clock() + timedelta(seconds=wait)
        log.warning(
            "job failed, to be tried again", type=job.job.type, error=failed.error, seconds=wait
        )
        await self._publisher.event(failed)
        await self._publisher.event(self._retried(attempt, not_before))
        await self._publisher.retry(job.model_copy(update={"not_before": not_before}))

    async def paused(self, ended: "Ended", why: str) -> None:
        """A piece ended; the rest goes back to the scheduler with its checkpoint."""
        await self._paused(ended, why, None)

    async def put_off(self, ended: "Ended", why: str, after_seconds: float | None) -> None:
        """A handler asked to wait without spending an attempt."""
        wait = self._wait_seconds(ended.attempt, after_seconds)
        await self._paused(ended, why, self._clock() + timedelta(seconds=wait))

    async def cancelled(self, ended: "Ended") -> None:
        """A handler was stopped because its job was called off."""
        stop = ended.running.stop
        event = JobCancelled(
            id=ended.attempt.event_id("cancelled"),
            by=stop.by,
            reason=stop.why or "cancelled while it ran",
            **ended.fields(),
        )
        await self._publisher.event(event)
        self._count(ended, State.CANCELLED)
        log.info("job cancelled", type=ended.attempt.queued.job.type, by=stop.by)

    async def _paused(self, ended: "Ended", why: str, not_before: datetime | None) -> None:
        attempt, rest = ended.attempt, ended.running.rest()
        remaining = rest.remaining_seconds or rest.job.expected_duration_seconds
        event = JobPaused(
            id=attempt.event_id("paused"),
            reason=why,
            remaining_seconds=remaining,
            **ended.fields(),
        )
        await self._publisher.event(event)
        await self._publisher.resume(rest.model_copy(update={"not_before": not_before}))
        self._count(ended, State.PAUSED)
        log.info(
            "job paused", type=rest.job.type, reason=why, remaining_seconds=round(remaining, 1)
        )

    def _count(self, ended: "Ended", state: State) -> None:
        job = ended.attempt.queued.job
        self._metrics.ended(job, state, ended.finished_at, ended.seconds, ended.energy)

    def _wait_seconds(self, attempt: Attempt, asked_seconds: float | None) -> float:
        if asked_seconds is not None:
            return asked_seconds
        return backoff_seconds(attempt.number, jitter=self._random())

    def _died(self, attempt: Attempt, error: str) -> JobDied:
        return JobDied(
            id=attempt.event_id("died"),
            at=self._clock(),
            job_id=attempt.queued.job.id,
            attempt=attempt.number,
            error=error,
        )

    def _retried(self, attempt: Attempt, not_before: datetime) -> JobRetried:
        return JobRetried(
            id=attempt.event_id("retried"),
            at=self._clock(),
            job_id=attempt.queued.job.id,
            attempt=attempt.number,
            not_before=not_before,
        )


class Ended:
    """An attempt that is over, with what it used."""

    def __init__(self, running: RunningAttempt, finished_at: datetime, energy: Energy) -> None:
        """Take when it ended, and its energy."""
        self.running = running
        self.attempt = running.attempt
        self.finished_at = finished_at
        self.energy = energy

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return (self.finished_at - self.attempt.started_at).total_seconds()

    def fields(self) -> dict[str, Any]:
        """What every event about its end has."""
        return _attempted(self.attempt) | {
            "at": self.finished_at,
            "finished_at": self.finished_at,
            "energy_kwh": self.energy.energy_kwh,
            "energy_method": self.energy.method,
        }


def _attempted(attempt: Attempt) -> dict[str, Any]:
    return {
        "job_id": attempt.queued.job.id,
        "attempt": attempt.number,
        "piece": attempt.piece,
        "pool": attempt.pool,
        "region": attempt.region,
        "started_at": attempt.started_at,
    }

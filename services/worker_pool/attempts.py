"""One attempt at a job: run its handler, meter it, and say what came of it."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pydantic_core
import structlog

from services.worker_pool.containment import async_contained, contained
from shared.broker.publish import Publisher
from shared.domain.retry import backoff_seconds
from shared.domain.savings import EnergyMethod
from shared.handlers import Handler, JobContext
from shared.messages import (
    Finished,
    JobDied,
    JobFailed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    QueuedJob,
)

LARGEST_RESULT_BYTES = 64 * 1024
LONGEST_TRACEBACK = 8_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one job in one pool."""

    queued: QueuedJob
    pool: str
    region: str
    started_at: datetime

    @property
    def number(self) -> int:
        """1 for the first run."""
        return self.queued.job.attempts + 1

    def event_id(self, what: str) -> UUID:
        """The same for the same attempt, so that the ledger counts it once."""
        return uuid5(self.queued.job.id, f"{what}:{self.number}")


class Attempts:
    """Runs attempts and reports them; handlers' failures never leave it."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        publisher: Publisher,
        threads: Executor,
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        """Take the registered handlers and the way out for events and retries."""
        self._handlers = handlers
        self._publisher = publisher
        self._threads = threads
        self._clock = clock
        self._random = random

    async def run(self, queued: QueuedJob, pool: str, region: str) -> None:
        """Run a job once and publish what came of it, all confirmed at the return.

        Raises:
            PublishFailed: the outcome could not be published; the job must be delivered again.
        """
        attempt = Attempt(queued, pool, region, self._clock())
        bound = structlog.contextvars.bound_contextvars(
            job_id=str(queued.job.id), attempt=attempt.number
        )
        with bound:
            handler = self._handlers.get(queued.job.type)
            if handler is None:
                known = ", ".join(sorted(self._handlers))
                text = f"no handler for the type {queued.job.type!r}; known types: {known}"
                await self._failed(attempt, text, None, final=True)
                return
            started = asyncio.create_task(self._publisher.event(self._started(attempt)))
            try:
                result = await self._call(handler, attempt)
            except Exception as error:  # noqa: BLE001 - a handler may raise anything
                await started
                await self._failed(attempt, _in_a_line(error), _traceback(error))
            else:
                await started
                await self._succeeded(attempt, result)

    async def give_up(self, queued: QueuedJob, pool: str, region: str, deliveries: int) -> None:
        """Keep a job aside that probably ends its worker; it is not run again."""
        text = (
            f"its worker ended {deliveries} times while it ran; look into the workers' logs, "
            "and at what else it may exhaust"
        )
        await self._failed(Attempt(queued, pool, region, self._clock()), text, None, final=True)

    async def _call(self, handler: Handler, attempt: Attempt) -> Any:  # noqa: ANN401 - users' results
        job = attempt.queued.job
        context = JobContext(
            job.id, job.type, attempt.number, attempt.region, job.deadline, log.bind()
        )
        arguments = (attempt.queued.payload, context)[: 2 if handler.takes_context else 1]
        work: Awaitable[Any]
        if handler.is_async:
            work = async_contained(handler.function, arguments)
        else:
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(self._threads, contained, handler.function, arguments)
        try:
            async with asyncio.timeout(job.timeout_seconds) as limit:
                result = await work
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"it ran longer than {job.timeout_seconds:g} s") from error
        return _small_json(result)

    async def _succeeded(self, attempt: Attempt, result: Any) -> None:  # noqa: ANN401 - users' results
        finished = self._finished(attempt)
        done = JobSucceeded(
            **finished.model_dump(exclude={"id"}), id=attempt.event_id("succeeded"), result=result
        )
        await self._publisher.event(done)
        seconds = (done.finished_at - done.started_at).total_seconds()
        log.info("job succeeded", type=attempt.queued.job.type, duration_seconds=round(seconds, 3))

    async def _failed(
        self, attempt: Attempt, error: str, trace: str | None, *, final: bool = False
    ) -> None:
        job = attempt.queued.job
        failed = JobFailed(
            **self._finished(attempt).model_dump(exclude={"id"}),
            id=attempt.event_id("failed"),
            error=error,
            traceback=trace,
        )
        again = attempt.queued.model_copy(
            update={"job": replace(job, attempts=attempt.number), "slot": None}
        )
        if final or attempt.number > job.retries:
            log.error("job failed for good", type=job.type, error=error)
            await self._publisher.dead(again, error)
            await self._publisher.event(failed)
            await self._publisher.event(self._died(attempt, error))
            return
        wait = backoff_seconds(attempt.number, jitter=self._random())
        not_before = self._clock() + timedelta(seconds=wait)
        log.warning("job failed, to be tried again", type=job.type, error=error, seconds=wait)
        await self._publisher.event(failed)
        await self._publisher.event(self._retried(attempt, not_before))
        await self._publisher.retry(again.model_copy(update={"not_before": not_before}))

    def _started(self, attempt: Attempt) -> JobStarted:
        return JobStarted(
            id=uuid5(attempt.event_id("started"), attempt.started_at.isoformat()),
            at=attempt.started_at,
            job_id=attempt.queued.job.id,
            attempt=attempt.number,
            pool=attempt.pool,
            region=attempt.region,
            started_at=attempt.started_at,
        )

    def _finished(self, attempt: Attempt) -> Finished:
        now = self._clock()
        seconds = (now - attempt.started_at).total_seconds()
        energy_kwh = attempt.queued.job.declared_energy_kwh(seconds)
        return Finished(
            id=attempt.event_id("finished"),
            at=now,
            job_id=attempt.queued.job.id,
            attempt=attempt.number,
            pool=attempt.pool,
            region=attempt.region,
            started_at=attempt.started_at,
            finished_at=now,
            energy_kwh=energy_kwh,
            energy_method=None if energy_kwh is None else EnergyMethod.DECLARED,
        )

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


def _small_json(result: Any) -> Any:  # noqa: ANN401 - users' results
    """A handler's result if it is small JSON, else an error that says what to return."""
    text = pydantic_core.to_json(result)
    if len(text) > LARGEST_RESULT_BYTES:
        raise ValueError(
            f"the handler's result is {len(text)} bytes of JSON, more than {LARGEST_RESULT_BYTES}; "
            "store it elsewhere and return a reference"
        )
    return pydantic_core.from_json(text)


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def _traceback(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:]

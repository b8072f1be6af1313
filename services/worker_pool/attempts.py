"""One attempt at a job: run its handler, meter it, and say what came of it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime
from functools import partial
from types import MappingProxyType
from uuid import UUID

import structlog

from services.worker_pool.child_messages import Assignment
from services.worker_pool.commands import COMMAND_TYPE
from services.worker_pool.endings import (
    AskedAgain,
    Broke,
    Ending,
    Refused,
    Returned,
    Yielded,
)
from services.worker_pool.evidence import gather
from services.worker_pool.metrics import WorkerMetrics
from services.worker_pool.notes import Notes
from services.worker_pool.outcomes import Ended, Outcomes
from services.worker_pool.processes import Processes
from services.worker_pool.running import Attempt, RunningAttempt
from services.worker_pool.works import AsyncWork, ProcessWork, ThreadWork, Work
from shared.broker.publish import Publisher
from shared.domain.energy import best_energy
from shared.handlers import Handler, JobContext, StopReason
from shared.messages import QueuedJob
from shared.metering import Mark, Meter

NOT_ASKED = "the handler raised Paused although should_stop was false"
WORKER_STOPS = "its worker stops"

log = structlog.get_logger()


class Attempts:
    """Runs attempts and reports them; handlers' failures never leave it."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        publisher: Publisher,
        threads: Executor | None,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        *,
        processes: Processes | None = None,
        meter: Meter | None = None,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        """Take the registered handlers and the way out for events and retries.

        Args:
            handlers: by job type.
            publisher: the way out.
            threads: where plain handlers run; None are the event loop's own.
            clock: the time.
            random: jitter of retries, in [0, 1).
            processes: where handlers with `process=True` run; needed if there are any.
            meter: measures energy; without one it is modelled or declared.
            metrics: counts attempts; None counts nothing that anybody asks for.
        """
        self._handlers = handlers
        self._threads = threads
        self._clock = clock
        self._processes = processes
        self._meter = meter or Meter()
        self._outcomes = Outcomes(publisher, clock, random, metrics or WorkerMetrics())
        self._running: dict[UUID, RunningAttempt] = {}

    @property
    def running(self) -> Mapping[UUID, RunningAttempt]:
        """What runs now, by job."""
        return MappingProxyType(self._running)

    async def run(self, queued: QueuedJob, pool: str, region: str) -> None:
        """Run a job once and publish what came of it, all confirmed at the return.

        A cancellation ends the handler, publishes nothing, and goes on.

        Raises:
            PublishFailed: the outcome could not be published; the job must be delivered again.
        """
        attempt = Attempt(queued, pool, region, self._clock())
        running = RunningAttempt(attempt)
        self._running[queued.job.id] = running
        bound = structlog.contextvars.bound_contextvars(
            job_id=str(queued.job.id), attempt=attempt.number
        )
        try:
            with bound:
                await self._run(running)
        finally:
            if self._running.get(queued.job.id) is running:
                del self._running[queued.job.id]

    async def give_up(self, queued: QueuedJob, pool: str, region: str, deliveries: int) -> None:
        """Keep a job aside that probably ends its worker; it is not run again."""
        text = (
            f"its worker ended {deliveries} times while it had it; look into the workers' logs, "
            "and at what else it may exhaust"
        )
        attempt = Attempt(queued, pool, region, self._clock())
        await self._not_run(RunningAttempt(attempt), text)

    async def _run(self, running: RunningAttempt) -> None:
        job = running.queued.job
        handler = self._handlers.get(job.type)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            text = f"no handler for the type {job.type!r}; known types: {known}"
            await self._not_run(running, text)
            return
        started = asyncio.create_task(self._outcomes.started(running.attempt))
        told = partial(self._outcomes.progressed, running.attempt)
        notes = Notes(running.queued.checkpoint, told, self._clock)
        running.notes, mark = notes, self._meter.mark()
        try:
            running.work = self._work(handler, running, notes)
            ending = await _within_limit(
                running, running.work, _limit_seconds(handler, running.queued)
            )
        except asyncio.CancelledError:
            notes.drop()
            raise
        ended = self._ended(handler, running, mark)
        await started
        await notes.close()
        await self._settle(handler, ended, ending)

    def _work(self, handler: Handler, running: RunningAttempt, notes: Notes) -> Work:
        queued, context = running.queued, self._context(running, notes)
        if handler.is_async:
            return AsyncWork(handler, queued.payload, context)
        if not handler.process:
            return ThreadWork(handler, queued.payload, context, self._threads)
        if self._processes is None:
            raise RuntimeError(f"no processes for the handler of {handler.type!r}")
        assignment = Assignment(
            context.job_id,
            context.type,
            context.attempt,
            context.piece,
            context.region,
            context.deadline,
            queued.payload,
            context.restored,
        )
        return ProcessWork(assignment, context, self._processes)

    def _context(self, running: RunningAttempt, notes: Notes) -> JobContext:
        attempt, job = running.attempt, running.queued.job
        bound = log.bind(
            job_id=str(job.id), type=job.type, attempt=attempt.number, piece=attempt.piece
        )
        return JobContext(
            job.id,
            job.type,
            attempt.number,
            attempt.region,
            job.deadline,
            bound,
            piece=attempt.piece,
            restored=running.queued.checkpoint,
            stop=running.stop,
            port=notes,
        )

    def _ended(self, handler: Handler, running: RunningAttempt, mark: Mark | None) -> Ended:
        finished_at = self._clock()
        seconds = (finished_at - running.started_at).total_seconds()
        cpu_seconds = running.work.cpu_seconds if running.work else None
        share = self._meter.share(mark, cpu_seconds)
        evidence = gather(handler, running.queued, seconds, running.notes, cpu_seconds, share)
        return Ended(running, finished_at, best_energy(evidence, self._meter.watts_per_core))

    async def _not_run(self, running: RunningAttempt, error: str) -> None:
        finished_at = self._clock()
        seconds = (finished_at - running.started_at).total_seconds()
        energy = best_energy(gather(None, running.queued, seconds))
        await self._outcomes.failed(Ended(running, finished_at, energy), error, final=True)

    async def _settle(self, handler: Handler, ended: Ended, ending: Ending) -> None:
        """Publish what came of it; who asked the handler to stop has a say in that."""
        running = ended.running
        cancelled = running.stop.reason is StopReason.CANCEL
        in_time = not running.over_limit and not (cancelled and running.was_cut)
        if isinstance(ending, Returned) and in_time:
            await self._outcomes.succeeded(ended, ending.result)
        elif cancelled:
            await self._outcomes.cancelled(ended)
        elif running.over_limit:
            limit = _limit_seconds(handler, running.queued)
            await self._failed(
                handler, ended, Broke(f"TimeoutError: it ran longer than {limit:g} s")
            )
        else:
            await self._go_on(handler, ended, ending)

    async def _go_on(self, handler: Handler, ended: Ended, ending: Ending) -> None:
        match ending:
            case Yielded() if not ended.running.stop.asked:
                await self._failed(handler, ended, Broke(NOT_ASKED))
            case AskedAgain(counts=False):
                await self._outcomes.put_off(ended, ending.reason, ending.after_seconds)
            case AskedAgain() | Broke() | Refused():
                await self._failed(handler, ended, ending)
            case _:  # it yielded, or was cut at the end of its worker
                await self._outcomes.paused(ended, ended.running.stop.why or WORKER_STOPS)

    async def _failed(
        self, handler: Handler, ended: Ended, ending: Broke | Refused | AskedAgain
    ) -> None:
        failed = partial(self._outcomes.failed, ended, most_retries=handler.most_retries)
        match ending:
            case Refused():
                await failed(ending.reason, final=True)
            case AskedAgain():
                await failed(ending.reason, after_seconds=ending.after_seconds)
            case Broke():
                await failed(ending.error, ending.traceback)


def _limit_seconds(handler: Handler, queued: QueuedJob) -> float | None:
    """The time limit of one run: the job's own, else its handler's; of a command the shorter.

    A handler's author gives a default; the limit of commands is the operator's, for any job.
    """
    asked, given = queued.job.timeout_seconds, handler.timeout_seconds
    if asked is None or given is None:
        return given if asked is None else asked
    return min(asked, given) if handler.type == COMMAND_TYPE else asked


async def _within_limit(running: RunningAttempt, work: Work, seconds: float | None) -> Ending:
    """Run the work; past its limit it is asked and cut, and a thread waited for."""
    task = asyncio.ensure_future(work.run())
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            running.over_limit = True
            running.stop.ask(StopReason.TIME_LIMIT)
            if not work.cut():
                log.warning("a thread runs past its time limit", seconds=seconds)
        return await task
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise

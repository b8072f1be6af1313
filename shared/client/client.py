"""The client for asyncio."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Self
from uuid import uuid4

from shared.broker.letters import Filters
from shared.broker.letters_acting import Office, ReplayOptions, replay_dead, replay_rejected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.client.listener import Listener
from shared.client.recorded import Recorded, end_of
from shared.client.results import JobHandle, JobRejected, JobResult, NotAnswered
from shared.client.settings import ClientSettings
from shared.client.submissions import (
    SomeJob,
    all_confirmed,
    id_of,
    replay_asked,
    submission_asked,
    whole_submission,
)
from shared.client.waiting import Ending, OnEvent, OnProgress
from shared.errors import PublishFailed, WaitTimedOut
from shared.messages import CancelJob, JobSubmit, RunJobNow
from shared.runtime import system_clock
from shared.tracing import NO_TRACING, Tracing

CONFIRM_SECONDS = 30.0
ANSWER_SECONDS = 30.0
IN_FLIGHT = 200  # confirms awaited at once: the knee of what one connection carries


class JobClient:
    """Submits jobs over one connection, and hears of them over another.

    Use it as an `async with` block, and keep it for as long as there are jobs to submit.
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        namespace: str = "",
        ledger_url: str | None = None,
        results: bool = True,
        name: str = "job client",
        confirm_seconds: float = CONFIRM_SECONDS,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        """Prepare; the block connects.

        Args:
            amqp_url: RabbitMQ's address.
            namespace: prefix of every exchange and queue of the deployment.
            ledger_url: where to look for jobs that ended before this client listened.
            results: whether to hear of jobs at all; a client that only submits says False, and is
                spared the events of everybody's jobs.
            name: shown on the broker's pages.
            confirm_seconds: how long to wait for the broker's word that it has a message.
            tracing: records what is submitted, such as `shared.telemetry.OpenTelemetry` of your
                program's tracer provider: each job is then part of the trace that submits it.
        """
        topology = Topology((), 1, namespace)
        self._office = Office(amqp_url, topology, name)
        self._confirm_seconds = confirm_seconds
        self._publisher = Publisher(amqp_url, topology, name, tracing=tracing)
        self._listener = Listener(amqp_url, topology, name, events=results)
        self._recorded = Recorded(ledger_url) if ledger_url else None
        self._results = results

    @classmethod
    def from_environment(cls) -> Self:
        """A client of AMQP_URL and NAMESPACE, from the environment or `.env`; LEDGER_URL if set.

        Raises:
            ConfigurationError: a variable is wrong.
        """
        return cls(**ClientSettings.load().options())

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerUnreachable: nothing answers there, or the login is refused.
            ConfigurationError: the broker was not set up.
        """
        await self._listener.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what was opened."""
        await self._listener.close()
        await self._publisher.close()
        if self._recorded is not None:
            self._recorded.close()

    async def submit(
        self,
        job: str | JobSubmit,
        payload: Mapping[str, Any] | None = None,
        *,
        wait_accepted: bool | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        by: str | None = None,
        **fields: Any,  # noqa: ANN401 - the fields of a submission
    ) -> JobHandle:
        """Publish a job; it is safe at the return.

        Args:
            job: its type, or a whole submission.
            payload: a JSON object for its handler.
            wait_accepted: whether to wait for the scheduler's answer; by default only with an
                idempotency key, for only the scheduler knows the first job's id.
            answer_seconds: how long.
            by: who asks for it, which the audit then keeps.
            fields: of a submission, such as `max_band`, `deadline_seconds`, `priority`.

        Raises:
            InvalidJob: a field is wrong; the line names it.
            JobRejected: the scheduler does not take it.
            NotAnswered: no scheduler has answered; the broker has the job all the same.
            PublishFailed: the broker did not confirm it. It may have it: submit it again with the
                same `id`.
        """
        whole = whole_submission(job, payload, fields)
        if by is not None:
            await self._ask(self._publisher.event(submission_asked(whole, by, system_clock())))
        wait = whole.idempotency_key is not None if wait_accepted is None else wait_accepted
        if wait:
            return await self._submit_and_ask(whole, answer_seconds)
        return await self._publish(whole)

    async def submit_many(self, jobs: Iterable[JobSubmit | Mapping[str, Any]]) -> list[JobHandle]:
        """Publish many jobs with their confirms awaited together; nobody waits for answers.

        Args:
            jobs: submissions, or their fields.

        Returns:
            Their handles, in order.

        Raises:
            InvalidJob: one is wrong; nothing was sent.
            PublishFailed: some were not confirmed. Give each job an `id` of your own to be able
                to send all of them again: those that arrived are not taken twice.
        """
        whole = [whole_submission(job, None, {}) for job in jobs]
        free = asyncio.Semaphore(IN_FLIGHT)

        async def send(job: JobSubmit) -> JobHandle:
            async with free:
                return await self._publish(job)

        sending = (send(job) for job in whole)
        return all_confirmed(await asyncio.gather(*sending, return_exceptions=True))

    async def wait(
        self,
        job: SomeJob,
        *,
        timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> JobResult:
        """Wait until a job has come to its end.

        A job of this client is heard of whenever it ends. Any other has to end while this waits,
        unless the client has a ledger to ask.

        Args:
            job: a handle, or an id.
            timeout_seconds: how long to wait at most; None for as long as it takes.
            on_progress: gets what its handler says of its progress.
            on_event: gets the last event that came before, then each while this waits.

        Raises:
            WaitTimedOut: it has not ended in time; it goes on.
            Exception: what a callback raised; the job goes on.
            ValueError: this client was told not to hear of results.
        """
        if not self._results:
            raise ValueError("this client was made with results=False: it hears of no job")
        job_id = id_of(job)
        ending = Ending(on_progress, on_event)
        with self._listener.hearing(job_id, ending.hear):
            try:
                last = self._listener.last(job_id)
                if last is not None:
                    ending.hear(last)
                async with asyncio.timeout(timeout_seconds):
                    return await end_of(job_id, ending.result, self._recorded)
            except TimeoutError:
                raise WaitTimedOut(
                    f"job {job_id} has not ended after {timeout_seconds:g} s; it goes on"
                ) from None

    async def cancel(
        self, job: SomeJob, *, by: str | None = None, reason: str | None = None
    ) -> None:
        """Call a job off, in whatever state it is; returns once the broker has the wish.

        Args:
            job: a handle, or an id.
            by: who asks; shown and kept.
            reason: why; shown and kept.

        Raises:
            PublishFailed: the broker did not confirm it.
        """
        why = {"reason": reason} if reason else {}
        wish = CancelJob(id=uuid4(), at=system_clock(), by=by, job_id=id_of(job), **why)
        await self._ask(self._publisher.control(wish))

    async def run_now(self, job: SomeJob, *, by: str | None = None) -> None:
        """Pull a waiting job out of its slot and run it on any grid.

        Raises:
            PublishFailed: the broker did not confirm it.
        """
        wish = RunJobNow(id=uuid4(), at=system_clock(), by=by, job_id=id_of(job))
        await self._ask(self._publisher.control(wish))

    async def replay(self, job: SomeJob, *, by: str) -> None:
        """Submit a job that failed for good again, with its retries and its time anew.

        Raises:
            NotFound: `jobs.dead` does not hold it.
            BrokerUnreachable: nothing answers there.
            PublishFailed: the broker did not confirm it; it stays where it is.
        """
        only = Filters(ids=(str(id_of(job)),))
        await replay_dead(self._office, only, ReplayOptions(by, system_clock()), None)

    async def replay_all(self, *, by: str, most: int) -> int:
        """Submit the jobs that failed for good again, `most` of them; how many those were.

        Raises:
            BrokerUnreachable: nothing answers there.
            PublishFailed: the broker did not confirm one; it stays where it is, like those behind.
        """
        options = ReplayOptions(by, system_clock())
        return len((await replay_dead(self._office, Filters(), options, most)).settled)

    async def replay_rejected(self, *, by: str, most: int) -> int:
        """Submit rejected messages again as they were; see `replay_all`."""
        done = len((await replay_rejected(self._office, Filters(), most)).settled)
        if done:
            await self._ask(self._publisher.event(replay_asked(done, by, system_clock())))
        return done

    async def _ask(self, publishing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._confirm_seconds):
                await publishing
        except TimeoutError:
            raise PublishFailed(
                f"the broker did not confirm the wish within {self._confirm_seconds:.0f} s; "
                "it may have it, and asking twice does no harm"
            ) from None

    async def _publish(
        self, job: JobSubmit, *, message_id: str | None = None, reply_to: str | None = None
    ) -> JobHandle:
        """Publish one message; each has an id of its own, so that none passes for another."""
        job_id = job.id or uuid4()
        message_id = message_id or str(uuid4())
        self._listener.remember(job_id)
        try:
            async with asyncio.timeout(self._confirm_seconds):
                await self._publisher.submit(job, message_id=message_id, reply_to=reply_to)
        except TimeoutError:
            why = " (it is short of memory or disk)" if self._publisher.is_blocked else ""
            raise PublishFailed(
                f"the broker did not confirm the job within {self._confirm_seconds:.0f} s{why}; "
                f"it may have it, so submit it again with the id {job_id}"
            ) from None
        return JobHandle(job_id)

    async def _submit_and_ask(self, job: JobSubmit, answer_seconds: float) -> JobHandle:
        message_id = str(uuid4())
        with self._listener.answer(message_id) as answer:
            sent = await self._publish(job, message_id=message_id, reply_to=self._listener.address)
            try:
                async with asyncio.timeout(answer_seconds):
                    reply = await answer
            except TimeoutError:
                raise NotAnswered(
                    f"no scheduler has answered within {answer_seconds:g} s; the broker has job "
                    f"{sent.id}, which is taken as soon as one runs",
                    sent,
                ) from None
        if not reply.accepted or reply.id is None:
            raise JobRejected(f"the job was rejected: {reply.reason}")
        self._listener.remember(reply.id)
        return JobHandle(reply.id, duplicate=reply.duplicate)

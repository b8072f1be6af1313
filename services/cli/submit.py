"""`carbon-aware submit`: publish one job, hear the scheduler's answer, and wait if asked to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from services.cli.broker_session import quiet_broker_logs
from services.cli.settings import Places
from services.cli.words import duration
from shared.client import JobClient, JobHandle, NotAnswered
from shared.domain.jobs import FINAL_STATES
from shared.errors import LedgerUnreachable, NotFound, WaitTimedOut
from shared.ledger.reads import JobStatus, job_status
from shared.messages import JobEvent, JobSubmit

ANSWER_SECONDS = 5.0
POLL_SECONDS = 0.2
LEDGER_SECONDS = 15.0
"""How far the ledger may lie behind the events before that is said."""


def job_client(places: Places, *, results: bool) -> JobClient:
    """The client of a command; it looks into the ledger for what it could not hear."""
    quiet_broker_logs()
    return JobClient(
        places.amqp_url,
        namespace=places.settings.namespace,
        ledger_url=places.ledger_url if results else None,
        results=results,
        name="carbon-aware submit",
    )


async def send(client: JobClient, job: JobSubmit, answer_seconds: float) -> JobHandle:
    """Publish a job and wait for the scheduler's answer.

    Returns:
        The job; its `duplicate` is None where no answer came in time.

    Raises:
        JobRejected: the scheduler refused it.
        PublishFailed: the broker did not confirm the job.
    """
    try:
        return await client.submit(job, wait_accepted=True, answer_seconds=answer_seconds)
    except NotAnswered as unanswered:
        return unanswered.job


async def wait_for_end(
    client: JobClient,
    engine: Engine,
    job_id: UUID,
    wait_seconds: float,
    *,
    clock: Callable[[], datetime],
    show: Callable[[JobEvent], None],
) -> JobStatus:
    """Follow a job's events to its end, and read what the ledger makes of it.

    Raises:
        WaitTimedOut: it has not ended, within the time.
        LedgerUnreachable: it has, and the ledger has not heard of it.
    """
    last = "waiting"

    def note(event: JobEvent) -> None:
        nonlocal last
        last = str(getattr(event, "type", last)).split(".")[1]
        show(event)

    try:
        result = await client.wait(job_id, timeout_seconds=wait_seconds, on_event=note)
    except WaitTimedOut:
        raise WaitTimedOut(
            f"job {job_id} has not ended after {duration(wait_seconds)} (last heard: {last}); "
            f"go on with `carbon-aware watch {job_id}`"
        ) from None
    try:
        return await wait_until_final(engine, job_id, LEDGER_SECONDS, clock=clock)
    except WaitTimedOut:
        raise LedgerUnreachable(
            f"job {job_id} is {result.state.value}, but the ledger has not heard of it within "
            f"{duration(LEDGER_SECONDS)}; see `carbon-aware doctor`"
        ) from None


async def wait_until_final(
    engine: Engine,
    job_id: UUID,
    wait_seconds: float,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> JobStatus:
    """Look at the ledger until it knows that a job has come to its end.

    Raises:
        WaitTimedOut: it does not, within the time.
    """
    started = clock()
    while True:
        job = _known(engine, job_id)
        if job is not None and job.state in FINAL_STATES:
            return job
        if (clock() - started).total_seconds() >= wait_seconds:
            state = job.state.value if job else "not in the ledger yet"
            raise WaitTimedOut(f"job {job_id} is {state} after {duration(wait_seconds)}")
        await sleep(POLL_SECONDS)


def _known(engine: Engine, job_id: UUID) -> JobStatus | None:
    try:
        return job_status(engine, job_id)
    except NotFound:
        return None  # the ledger hears of a job a moment after the scheduler

"""`carbon-aware submit`: publish one job, hear the scheduler's answer, and wait if asked to."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError
from sqlalchemy import Engine

from services.cli.broker_session import connected, own_queue, topology_of
from services.cli.settings import Places
from services.cli.words import duration
from shared.broker.publish import Publisher
from shared.broker.topology import check
from shared.domain.jobs import FINAL_STATES
from shared.errors import NotFound, PublishFailed, WaitTimedOut
from shared.ledger.reads import JobStatus, job_status
from shared.messages import JobSubmit, Reply

ANSWER_SECONDS = 5.0
PUBLISH_SECONDS = 30.0
POLL_SECONDS = 0.5

Show = Callable[[JobStatus | None], None]


async def send(places: Places, job: JobSubmit, answer_seconds: float) -> Reply | None:
    """Publish a job and wait for the scheduler's answer; None if none came in time.

    Raises:
        BrokerUnreachable: nothing answers there.
        ConfigurationError: the broker was not set up.
        PublishFailed: the broker did not confirm the job.
    """
    topology = topology_of(places)
    async with connected(places, "submit") as connection:
        await check(connection, [topology.submitted])
        queue = await own_queue(connection, topology)
        answers: asyncio.Queue[Reply] = asyncio.Queue()

        async def keep(message: AbstractIncomingMessage) -> None:
            with suppress(ValidationError):  # a reply of a later version says nothing to us
                answers.put_nowait(Reply.model_validate_json(message.body))

        await queue.consume(keep, no_ack=True)
        publisher = Publisher(places.amqp_url, topology, "carbon-aware submit")
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await publisher.submit(job, message_id=str(job.id), reply_to=queue.name)
        except TimeoutError:
            raise PublishFailed(
                f"the broker did not confirm the job within {PUBLISH_SECONDS:.0f} s; "
                f"it may have it, so try again with --id {job.id}"
            ) from None
        finally:
            await publisher.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(answer_seconds):
                return await answers.get()
    return None


async def wait_until_final(
    engine: Engine,
    job_id: UUID,
    wait_seconds: float,
    *,
    clock: Callable[[], datetime],
    show: Show = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> JobStatus:
    """Look at the ledger until the job has come to its end.

    Raises:
        WaitTimedOut: it has not, within the time.
    """
    started = clock()
    while True:
        job = _known(engine, job_id)
        show(job)
        if job is not None and job.state in FINAL_STATES:
            return job
        if (clock() - started).total_seconds() >= wait_seconds:
            state = job.state.value if job else "not in the ledger yet"
            raise WaitTimedOut(
                f"job {job_id} is {state} after {duration(wait_seconds)}; "
                f"go on with `carbon-aware watch {job_id}`"
            )
        await sleep(POLL_SECONDS)


def _known(engine: Engine, job_id: UUID) -> JobStatus | None:
    try:
        return job_status(engine, job_id)
    except NotFound:
        return None  # the ledger hears of a job a moment after the scheduler

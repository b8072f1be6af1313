"""The door: new jobs are checked and accepted, retries wait out their backoff, all are placed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4, uuid5

import structlog
from aio_pika.abc import AbstractIncomingMessage

from services.scheduler.claims import Claims, Submission, fingerprint, keys_of
from services.scheduler.placing import Placing
from shared.broker.publish import Publisher
from shared.broker.topology import RESUME_KEY, RETRY_KEY
from shared.catalogue import Door
from shared.errors import MessageError, Undecodable
from shared.messages import (
    JobAccepted,
    JobRejected,
    JobSubmit,
    QueuedJob,
    Reply,
    decode_queued,
    decode_submit,
)
from shared.tracing import Trace

SUBMIT_VERSION = "job.submit.v1"
MOST_HELD_RETRIES = 50
_IDS_FROM_MESSAGES = UUID("6a3a1f9e-6f0b-4c7b-9d0a-2f6d4c1b8e57")

log = structlog.get_logger()


class Intake:
    """Handles what arrives in `jobs.submitted`."""

    def __init__(
        self,
        door: Door,
        placing: Placing,
        publisher: Publisher,
        clock: Callable[[], datetime],
        claims: Claims,
    ) -> None:
        """Take the catalogue's door, what places accepted jobs, and who was first."""
        self._door = door
        self._placing = placing
        self._metrics = placing.metrics
        self._publisher = publisher
        self._clock = clock
        self._claims = claims
        self._held = 0
        self.accepted = 0
        self.duplicates = 0
        self.rejected = 0

    async def handle(self, message: AbstractIncomingMessage) -> None:
        """Accept and place one message; a repetition is answered with the first one's job.

        Raises:
            MessageError: it is no valid job; the sender was told, the message is set aside.
        """
        # Not by its type: with this key anybody writes who may submit, and what he writes there.
        if message.routing_key in {RETRY_KEY, RESUME_KEY}:
            await self._again(decode_queued(message.body))
            return
        try:
            reply = await self._submitted(message)
        except MessageError as error:
            await self._reject(message, str(error))
            raise
        await self._reply(message, reply)

    async def _submitted(self, message: AbstractIncomingMessage) -> Reply:
        submit, queued = self._accept(message)
        keys = keys_of(submit)
        submission = Submission(
            keys=keys,
            job_id=queued.job.id,
            message_id=message.message_id,
            redelivered=bool(message.redelivered),
            fingerprint=fingerprint(submit) if keys else "",
        )
        async with self._claims.held(submission) as held:
            if held.duplicate:
                self.duplicates += 1
                self._metrics.duplicate()
            else:
                await self._place(queued, held.job_id)
        return Reply(id=held.job_id, accepted=True, duplicate=held.duplicate)

    async def _place(self, queued: QueuedJob, job_id: UUID) -> None:
        job = replace(queued.job, id=job_id)
        accepted = JobAccepted(
            id=uuid5(job_id, "accepted"), at=job.submitted_at, job_id=job_id, job=job
        )
        await asyncio.gather(
            self._publisher.event(accepted),
            self._placing.place(queued.model_copy(update={"job": job})),
        )
        self.accepted += 1
        self._metrics.accepted(job)

    def _accept(self, message: AbstractIncomingMessage) -> tuple[JobSubmit, QueuedJob]:
        if message.type not in {None, "", SUBMIT_VERSION}:
            raise Undecodable(f"type: {message.type!r} is not known; use {SUBMIT_VERSION} or none")
        submit = decode_submit(message.body)
        now = self._clock()
        job = self._door.accept(submit, job_id(submit, message.message_id), now)
        # Without one of its sender, the trace begins here, if anything records it.
        carried = Trace.of(message.headers)
        trace = carried if carried.parent else self._publisher.tracing.current()
        return submit, QueuedJob(
            job=job,
            payload=submit.payload,
            traceparent=trace.parent,
            tracestate=trace.state,
        )

    async def _again(self, queued: QueuedJob) -> None:
        """Place a retry, holding it until its backoff is over where that is within a slot.

        Raises:
            InvalidJob: it names a region that is not served; a user may have written it.
        """
        self._door.check_regions(queued.job.regions)
        slot_seconds = self._placing.plan.timetable.wheel.slot_seconds
        wait_seconds = 0.0
        if queued.not_before is not None:
            wait_seconds = (queued.not_before - self._clock()).total_seconds()
        if 0 < wait_seconds <= slot_seconds and self._held < MOST_HELD_RETRIES:
            self._held += 1
            try:
                await self._placing.wait_out(queued, wait_seconds)
            finally:
                self._held -= 1
        await self._placing.place(queued)

    async def _reject(self, message: AbstractIncomingMessage, reason: str) -> None:
        self.rejected += 1
        self._metrics.rejected()
        seed = message.message_id or str(uuid4())
        event = JobRejected(
            id=uuid5(_IDS_FROM_MESSAGES, f"rejected:{seed}"), at=self._clock(), reason=reason
        )
        await self._publisher.event(event)
        await self._reply(message, Reply(id=None, accepted=False, reason=reason))

    async def _reply(self, message: AbstractIncomingMessage, reply: Reply) -> None:
        if message.reply_to:
            correlation_id = message.correlation_id or message.message_id
            await self._publisher.reply(message.reply_to, correlation_id, reply)


def job_id(submit: JobSubmit, message_id: str | None) -> UUID:
    """The caller's id, else one made of the message's id, else a random one.

    The first two stay the same when a message is delivered twice, so that the job is counted
    once; a publisher that sets neither accepts that a crash may run its job twice.
    """
    if submit.id is not None:
        return submit.id
    if not message_id:
        return uuid4()
    try:
        return UUID(message_id)
    except ValueError:
        return uuid5(_IDS_FROM_MESSAGES, message_id)

"""The one way to publish: persistent, mandatory, confirmed, and tried again until it is."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

import aio_pika
import stamina
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import DeliveryError, PublishError
from prometheus_client import CollectorRegistry

from shared.broker.connection import LOST, connect, open_channel
from shared.broker.copies import KEPT_AT_HEADER, REASON_HEADER, again, aside
from shared.broker.flow import Flow
from shared.broker.topology import (
    RESUME_KEY,
    RETRY_KEY,
    SUBMIT_KEY,
    Exchange,
    Topology,
    place_key,
    ready_key,
)
from shared.domain.jobs import Lane
from shared.errors import BrokerUnreachable, PublishFailed
from shared.messages import (
    Control,
    Event,
    JobClaimed,
    JobEvent,
    JobSubmit,
    Message,
    QueuedJob,
    action_of,
    encode,
    message_name,
    routing_key,
)
from shared.metrics import PublishMetrics
from shared.tracing import NO_TRACING, Trace, Tracing, sending

CLOSE_SECONDS = 2.0
GIVE_UP_SECONDS = 120.0
CLAIM_GIVE_UP_SECONDS = 20.0  # its submission is given back to the intake and tried again

Headers = Mapping[str, str | int | float | datetime | None]
TRACEBACK_HEADER = "x-traceback"  # of a job in `jobs.dead`, for those without the ledger
LONGEST_TRACEBACK = 8_000  # characters; all headers of a message share one frame of 128 kB
log = structlog.get_logger()


class Publisher:
    """Publishes over its own connection, which it opens when needed and after each loss."""

    def __init__(
        self,
        url: str,
        topology: Topology,
        name: str,
        clock: Callable[[], datetime] | None = None,
        metrics: PublishMetrics | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        """Prepare; nothing is opened before the first publish.

        Args:
            url: the broker's address.
            topology: the names of everything there.
            name: shown in the broker's own pages.
            clock: dates what is kept in `jobs.dead` and `jobs.rejected`; None leaves it undated.
            metrics: counts what was confirmed; None counts nothing that anybody asks for.
            tracing: records what is sent.
        """
        self.tracing = tracing
        self._clock = clock
        self._url = url
        self._topology = topology
        self._name = f"{name} publishes"
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, aio_pika.abc.AbstractExchange] = {}
        self._opening = asyncio.Lock()
        self._flow = Flow(self._name)
        self._metrics = metrics or PublishMetrics(CollectorRegistry())
        self._metrics.watch(lambda: self._flow.is_blocked)

    @property
    def is_blocked(self) -> bool:
        """Whether the broker takes nothing for now, for want of memory or disk."""
        return self._flow.is_blocked

    async def submit(self, job: JobSubmit, *, message_id: str, reply_to: str | None = None) -> None:
        """Publish a user's job; its message id makes the job's id when it has none."""
        message = self._message(encode(job), message_name(job), message_id=message_id)
        message.reply_to = reply_to
        await self._publish(self._topology.jobs, SUBMIT_KEY, message)

    async def claim(self, claim: JobClaimed) -> None:
        """Note on the stream who submits under a key; the first one there holds it."""
        message = self._message(encode(claim), message_name(claim), message_id=str(claim.id))
        message.timestamp = claim.at
        await self._publish(
            self._topology.jobs, "claim", message, give_up_seconds=CLAIM_GIVE_UP_SECONDS
        )

    async def retry(self, job: QueuedJob) -> None:
        """Send a failed job back to the scheduler."""
        await self._job(self._topology.jobs, RETRY_KEY, job)

    async def resume(self, job: QueuedJob) -> None:
        """Send the rest of a paused job, or one that may not start now, back to the scheduler."""
        await self._job(self._topology.jobs, RESUME_KEY, job)

    async def defer(self, job: QueuedJob, place: int) -> None:
        """Put a job into a place of the wheel."""
        await self._job(self._topology.delayed, place_key(place), job)

    async def ready(self, job: QueuedJob, region: str, lane: Lane) -> None:
        """Hand a job to a region's pools."""
        await self._job(self._topology.ready, ready_key(region, lane), job)

    async def dead(self, job: QueuedJob, reason: str, traceback: str | None = None) -> None:
        """Keep a job that failed for good, with its reason and the end of its last traceback."""
        trace = {} if traceback is None else {TRACEBACK_HEADER: traceback[-LONGEST_TRACEBACK:]}
        headers = {**self._why_kept(reason), **trace}
        await self._job(self._topology.jobs, "dead", job, headers=headers)

    async def set_aside(self, delivery: aio_pika.abc.AbstractIncomingMessage, reason: str) -> None:
        """Keep an invalid message whole in `jobs.rejected`, with the reason in a header."""
        copy = aside(delivery, self._why_kept(reason))
        await self._publish(self._topology.jobs, "rejected", copy)

    async def submit_again(self, kept: aio_pika.abc.AbstractIncomingMessage) -> None:
        """Publish a message of `jobs.rejected` as it was, without what was added to keep it."""
        key, copy = again(kept)
        await self._publish(self._topology.jobs, key, copy)

    async def reply(self, to: str, correlation_id: str | None, message: Message) -> None:
        """Answer a submission; an address that is gone is not an error."""
        reply = self._message(encode(message), message_name(message))
        reply.correlation_id = correlation_id
        with suppress(PublishFailed):
            await self._publish(None, to, reply, give_up_seconds=5.0)

    async def event(self, event: Event, *, give_up_seconds: float = GIVE_UP_SECONDS) -> None:
        """Tell what happened."""
        await self._publish(
            self._topology.events,
            routing_key(event),
            self._of_event(event),
            give_up_seconds=give_up_seconds,
        )

    async def broadcast(self, update: Event, region: str) -> None:
        """Send an intensity update to the stream, and through it to the events."""
        key = f"{routing_key(update)}.{region}"
        await self._publish(self._topology.intensity, key, self._of_event(update))

    async def control(self, asked: Control) -> None:
        """Ask the services for something; whoever starts within eight days learns of it too."""
        message = self._message(encode(asked), message_name(asked), message_id=str(asked.id))
        message.timestamp = asked.at
        await self._publish(self._topology.control, action_of(asked), message)

    async def close(self) -> None:
        """Close the connection, if one was opened."""
        connection, self._connection, self._channel = self._connection, None, None
        await self._flow.forget()
        if connection is not None:
            with suppress(*LOST):  # a broker that has blocked us does not hear a goodbye
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.close()

    def _why_kept(self, reason: str) -> dict[str, str | datetime]:
        headers: dict[str, str | datetime] = {REASON_HEADER: reason[:2000]}
        return headers if self._clock is None else headers | {KEPT_AT_HEADER: self._clock()}

    async def _job(
        self, exchange: Exchange, key: str, job: QueuedJob, *, headers: Headers | None = None
    ) -> None:
        message = self._message(encode(job), job.type, correlation_id=str(job.job.id))
        trace = Trace(job.traceparent, job.tracestate)
        message.headers.update({**trace.headers, **(headers or {})})
        await self._publish(exchange, key, message)

    def _of_event(self, event: Event) -> aio_pika.Message:
        job_id = str(event.job_id) if isinstance(event, JobEvent) else None
        message = self._message(
            encode(event), message_name(event), message_id=str(event.id), correlation_id=job_id
        )
        message.timestamp = event.at
        return message

    def _message(
        self,
        body: bytes,
        type_name: str,
        *,
        message_id: str | None = None,
        correlation_id: str | None = None,
    ) -> aio_pika.Message:
        return aio_pika.Message(
            body,
            content_type="application/json",
            content_encoding="utf-8",
            type=type_name,
            message_id=message_id or str(uuid4()),
            correlation_id=correlation_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )

    async def _publish(
        self,
        exchange: Exchange | None,
        key: str,
        message: aio_pika.Message,
        *,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        """Publish until confirmed, or raise PublishFailed; None is the default exchange."""
        exchange_name = exchange.name if exchange else ""
        where = f"{exchange_name or 'queue'}:{key}"
        try:
            tracing = sending(self.tracing, message, exchange_name, key, begins=key == SUBMIT_KEY)
            with self._metrics.publishing(), tracing:
                await self._publish_or_try_again(exchange, key, message, give_up_seconds)
        except PublishError as error:
            raise PublishFailed(f"no queue takes {where}; run `carbon-aware setup` once") from error
        except (*LOST, BrokerUnreachable) as error:
            raise PublishFailed(f"the broker did not confirm {where}: {error}") from error

    async def _publish_or_try_again(
        self, exchange: Exchange | None, key: str, message: aio_pika.Message, give_up_seconds: float
    ) -> None:
        try:  # setting the retries up costs more than a publish, and is hardly ever needed
            await self._publish_once(exchange, key, message)
        except Exception as error:
            if not _worth_trying_again(error):
                raise
            await self._publish_again(exchange, key, message, give_up_seconds)

    async def _publish_again(
        self, exchange: Exchange | None, key: str, message: aio_pika.Message, give_up_seconds: float
    ) -> None:
        async for attempt in stamina.retry_context(
            on=_worth_trying_again, attempts=None, timeout=give_up_seconds, wait_max=5.0
        ):
            with attempt:
                await self._publish_once(exchange, key, message)

    async def _publish_once(
        self, exchange: Exchange | None, key: str, message: aio_pika.Message
    ) -> None:
        await self._flow.until_free()
        connection, channel = await self._open()
        try:
            target = await self._exchange(channel, exchange)
            publishing = target.publish(message, key, mandatory=True)
            await self._flow.confirmed(connection, publishing)
        except DeliveryError:
            raise  # the broker answered: the connection is good
        except LOST:
            await self._drop(channel)
            raise

    async def _open(self) -> tuple[AbstractConnection, AbstractChannel]:
        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                self._connection, self._channel = await connect(self._url, self._name), None
            if self._channel is None or self._channel.is_closed:
                self._channel = await open_channel(self._connection)
                self._exchanges.clear()
            return self._connection, self._channel

    async def _exchange(
        self, channel: AbstractChannel, exchange: Exchange | None
    ) -> aio_pika.abc.AbstractExchange:
        if exchange is None:
            return channel.default_exchange
        if exchange.name not in self._exchanges:
            found = await channel.get_exchange(exchange.name, ensure=False)
            self._exchanges[exchange.name] = found
        return self._exchanges[exchange.name]

    async def _drop(self, broken: AbstractChannel) -> None:
        async with self._opening:
            if self._channel is broken:
                await self.close()


def _worth_trying_again(error: Exception) -> bool:
    """Lost connections and full queues pass; a missing queue stays missing."""
    return isinstance(error, (*LOST, BrokerUnreachable)) and not isinstance(error, PublishError)

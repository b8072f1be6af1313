"""Consumes every event, writes it, and acknowledges it after the commit."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.ledger.inbox import Inbox
from services.ledger.metrics import LedgerMetrics
from services.ledger.recorder import Batch, Recorder, read
from shared.broker.publish import Publisher
from shared.broker.topology import Queue, check
from shared.domain.retry import backoff_seconds
from shared.errors import LedgerUnreachable, PublishFailed
from shared.runtime import wait_or_stop
from shared.tasks import end
from shared.tracing import Envelope, Trace

IDLE_SECONDS = 60.0
"""Beats come more often than this; a longer silence is a lost subscription, so it is renewed."""
CANNOT_WRITE_MOST_SECONDS = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Batching:
    """How much is written at once.

    Attributes:
        events: most events of one transaction.
        seconds: how long one waits for others to be written with.
        prefetch: deliveries that the broker hands over ahead of their commit.
    """

    events: int
    seconds: float
    prefetch: int


class Ledger:
    """The consumer of the events queue."""

    def __init__(
        self,
        recorder: Recorder,
        publisher: Publisher,
        queue: Queue,
        batching: Batching,
        stop: asyncio.Event,
        clock: Callable[[], datetime],
        metrics: LedgerMetrics | None = None,
    ) -> None:
        """Prepare; nothing is consumed before a session."""
        self._recorder = recorder
        self._publisher = publisher
        self._queue = queue
        self._batching = batching
        self._stop = stop
        self._clock = clock
        self._metrics = metrics or LedgerMetrics()
        self._failures = 0
        self.recorded = 0
        self.set_aside = 0

    def facts(self) -> dict[str, str | int | float | bool | None]:
        """What the beats tell."""
        return {
            "recorded": self.recorded,
            "set_aside": self.set_aside,
            "too_late": self._recorder.too_late,
            "writing": self._failures == 0,
        }

    def problems(self) -> dict[str, str]:
        """What keeps it from recording, by name."""
        return {"database": "events cannot be written"} if self._failures else {}

    async def session(self, connection: AbstractConnection) -> None:
        """Consume over one connection until stopped, pausing while nothing can be written."""
        await check(connection, [self._queue])
        while not self._stop.is_set():
            try:
                await self._consume(connection)
            except (LedgerUnreachable, PublishFailed) as error:
                await self._pause(str(error))

    async def _pause(self, error: str) -> None:
        """The channel is closed, so the broker keeps what was not committed."""
        self._failures += 1
        if self._failures == 1:
            log.error("events cannot be recorded, not consuming until they can", error=error)
        wait = backoff_seconds(
            self._failures,
            jitter=1.0,  # there is one ledger: nobody to keep out of step with
            first_seconds=0.5,
            most_seconds=CANNOT_WRITE_MOST_SECONDS,
        )
        await wait_or_stop(self._stop, wait)

    async def _consume(self, connection: AbstractConnection) -> None:
        inbox = Inbox()
        channel = await connection.channel()
        waker = asyncio.create_task(self._wake_at_stop(inbox))
        try:
            channel.close_callbacks.add(inbox.close)
            await channel.set_qos(prefetch_count=self._batching.prefetch)
            queue = await channel.get_queue(self._queue.name, ensure=False)
            await queue.consume(inbox.put)
            await self._write_all(inbox)
            if inbox.closed:
                raise ConnectionError("the channel was closed")
        finally:
            waker.cancel()
            await channel.close()

    async def _wake_at_stop(self, inbox: Inbox) -> None:
        await self._stop.wait()
        inbox.wake()

    async def _write_all(self, inbox: Inbox) -> None:
        """Write what comes, in its order; the next batch is read while one is committed."""
        committing: asyncio.Task[None] | None = None
        try:
            while True:
                if committing is not None and await self._is_committed(committing, inbox):
                    committing = None
                if self._stop.is_set() or inbox.closed:
                    break
                if committing is None and not await self._is_more(inbox):
                    break
                messages = inbox.take(self._batching.events)
                batch = await asyncio.to_thread(read, [message.body for message in messages])
                if committing is not None:
                    await committing
                committing = asyncio.create_task(self._commit(inbox, messages, batch))
            if committing is not None:
                await committing
        finally:
            if committing is not None:
                await end(committing)

    async def _is_committed(self, committing: asyncio.Task[None], inbox: Inbox) -> bool:
        """Wait until a batch is committed, or a whole one is here to be read meanwhile."""
        filled = asyncio.ensure_future(inbox.filled(self._batching.events))
        try:
            await asyncio.wait({committing, filled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(filled)
        if committing.done():
            await committing  # what went wrong with it is told here
        return committing.done()

    async def _is_more(self, inbox: Inbox) -> bool:
        """Wait for deliveries, and a little longer for others to be written with them."""
        if not await inbox.wait(IDLE_SECONDS):
            return False
        if 0 < len(inbox) < self._batching.events:
            await wait_or_stop(self._stop, self._batching.seconds)
        return len(inbox) > 0

    async def _commit(
        self, inbox: Inbox, messages: Sequence[AbstractIncomingMessage], batch: Batch
    ) -> None:
        await self._write(messages, batch)
        await inbox.acknowledge(messages)

    async def _write(self, messages: Sequence[AbstractIncomingMessage], batch: Batch) -> None:
        """Commit a batch, then keep aside what can never be written."""
        began = self._clock()
        queue, tracing = self._queue.name, self._publisher.tracing
        traced = [(Envelope.delivered(each, queue), Trace.of(each.headers)) for each in messages]
        with tracing.recording(traced):
            poison = await asyncio.to_thread(self._recorder.commit, batch)
        now = self._clock()
        if self._failures:
            self._failures = 0
            log.info("events are recorded again")
        for spoiled in poison:
            message = messages[spoiled.place]
            log.warning("event set aside", message_id=message.message_id, reason=spoiled.reason)
            await self._publisher.set_aside(message, spoiled.reason)
        self.recorded += len(messages) - len(poison)
        self.set_aside += len(poison)
        self._metrics.wrote(
            len(messages) - len(poison),
            len(poison),
            (now - began).total_seconds(),
            min((each.timestamp for each in messages if each.timestamp), default=None),
            now,
        )

"""Consumes every event, writes it, and acknowledges it after the commit."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.ledger.backlog import Backlog
from services.ledger.inbox import Inbox
from services.ledger.metrics import LedgerMetrics
from services.ledger.recorder import Recorder
from shared.broker.publish import Publisher
from shared.broker.topology import Queue, check
from shared.domain.retry import backoff_seconds
from shared.errors import LedgerUnreachable, PublishFailed
from shared.runtime import wait_or_stop
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
        self.backlog = Backlog(queue)
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
            await self.backlog.begin(connection)
            await channel.set_qos(prefetch_count=self._batching.prefetch)
            queue = await channel.get_queue(self._queue.name, ensure=False)
            await queue.consume(inbox.put)
            while not self._stop.is_set() and await inbox.wait(IDLE_SECONDS) and not inbox.closed:
                await self.backlog.wrote(connection, await self._write_next(inbox))
            if inbox.closed:
                raise ConnectionError("the channel was closed")
        finally:
            waker.cancel()
            self.backlog.end()
            await channel.close()

    async def _wake_at_stop(self, inbox: Inbox) -> None:
        await self._stop.wait()
        inbox.wake()

    async def _write_next(self, inbox: Inbox) -> int:
        """Write what is there, at most a batch; returns how many deliveries that were."""
        if 0 < len(inbox) < self._batching.events:
            await wait_or_stop(self._stop, self._batching.seconds)
        batch = inbox.take(self._batching.events)
        if batch:
            await self._write(batch)
            await inbox.acknowledge(batch)
        return len(batch)

    async def _write(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """Commit a batch, then keep aside what can never be written."""
        bodies, began = [message.body for message in batch], self._clock()
        queue, tracing = self._queue.name, self._publisher.tracing
        traced = [(Envelope.delivered(each, queue), Trace.of(each.headers)) for each in batch]
        too_late = self._recorder.too_late
        with tracing.recording(traced):
            poison = await asyncio.to_thread(self._recorder.write, bodies)
        now = self._clock()
        if dropped := self._recorder.too_late - too_late:
            log.warning("events of jobs that were pruned change nothing", events=dropped)
        if self._failures:
            self._failures = 0
            log.info("events are recorded again")
        for spoiled in poison:
            message = batch[spoiled.place]
            log.warning("event set aside", message_id=message.message_id, reason=spoiled.reason)
            await self._publisher.set_aside(message, spoiled.reason)
        self.recorded += len(batch) - len(poison)
        self.set_aside += len(poison)
        self._metrics.wrote(
            len(batch) - len(poison),
            len(poison),
            (now - began).total_seconds(),
            min((each.timestamp for each in batch if each.timestamp), default=None),
            now,
        )

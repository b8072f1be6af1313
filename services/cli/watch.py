"""`carbon-aware watch`: what happens, while it happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import Engine

from services.cli.broker_session import connected, own_queue, topology_of
from services.cli.settings import Places
from shared.broker.topology import bind
from shared.errors import BrokerUnreachable, Undecodable
from shared.ledger.reads import recent_events
from shared.messages import (
    AnyEvent,
    JobCancelled,
    JobDied,
    JobEvent,
    JobExpired,
    JobSucceeded,
    ServiceBeat,
    TimetableUpdated,
    decode_event,
)

FINAL_EVENTS = (JobSucceeded, JobDied, JobExpired, JobCancelled)
POLL_SECONDS = 1.0
MOST_EVENTS_PER_POLL = 1000

NextEvent = Callable[[], Awaitable[AnyEvent]]


@asynccontextmanager
async def live_events(places: Places) -> AsyncIterator[NextEvent]:
    """Every event from now on, through a queue of one's own.

    Raises:
        BrokerUnreachable: nothing answers there, or the connection was lost.
        ConfigurationError: the broker was not set up.
    """
    topology = topology_of(places)
    arrived: asyncio.Queue[AnyEvent | None] = asyncio.Queue()

    async def keep(message: AbstractIncomingMessage) -> None:
        with suppress(Undecodable):  # of a later version
            arrived.put_nowait(decode_event(message.body))

    async def next_event() -> AnyEvent:
        event = await arrived.get()
        if event is None:
            raise BrokerUnreachable(
                "the connection to the broker was lost; see `carbon-aware doctor`"
            )
        return event

    async with connected(places, "watch") as connection:
        queue = await own_queue(connection, topology)
        await bind(queue, topology.events, "#")
        await queue.consume(keep, no_ack=True)
        closed = asyncio.ensure_future(connection.closed())
        closed.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            yield next_event
        finally:
            closed.cancel()
            await asyncio.gather(closed, return_exceptions=True)


@asynccontextmanager
async def recorded_events(
    engine: Engine, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[NextEvent]:
    """Every event that the ledger records from now on, where no broker can be reached."""
    seen = {row.id for row in recent_events(engine, MOST_EVENTS_PER_POLL)}
    fresh: list[AnyEvent] = []

    async def next_event() -> AnyEvent:
        nonlocal seen
        while not fresh:
            rows = recent_events(engine, MOST_EVENTS_PER_POLL)
            fresh.extend(decode_event(row.body.encode()) for row in rows if row.id not in seen)
            seen = {row.id for row in rows}
            if not fresh:
                await sleep(POLL_SECONDS)
        return fresh.pop()  # the newest row comes first

    yield next_event


async def follow(
    next_event: NextEvent,
    show: Callable[[AnyEvent], None],
    *,
    job_id: UUID | None = None,
    beats: bool = False,
) -> None:
    """Show events until one ends the job; without a job, for ever."""
    while True:
        event = await next_event()
        if isinstance(event, (ServiceBeat, TimetableUpdated)) and not beats:
            continue
        if job_id is not None and not (isinstance(event, JobEvent) and event.job_id == job_id):
            continue
        show(event)
        if job_id is not None and isinstance(event, FINAL_EVENTS):
            return

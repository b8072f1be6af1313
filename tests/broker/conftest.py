"""A small deployment of one's own on a real RabbitMQ, with the services inside the test."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from aio_pika.abc import AbstractConnection

from services.scheduler.service import Scheduler
from services.scheduler.settings import SchedulerSettings
from services.worker_pool.attempts import Attempts
from services.worker_pool.capacity import Base
from services.worker_pool.processes import Processes
from services.worker_pool.service import PoolRules, RegionPool
from shared.broker.connection import connect, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Queue, Topology, declare, message_counts
from shared.catalogue import Door
from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Rules
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.timetable import Wheel
from shared.handlers import Handler
from shared.messages import (
    AnyControl,
    Control,
    Event,
    IntensityUpdated,
    QueuedJob,
    decode_control,
    decode_event,
)
from shared.runtime import system_clock, system_random
from shared.schedules import Schedule

REGION = "R"
SLOT_SECONDS = 1.0
MESSAGE_FIELDS = ("payload", "checkpoint", "piece", "remaining_seconds")
PERIOD_SECONDS = 300.0


async def wait_until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait for a condition, which may be a coroutine function; fail when it takes too long."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.02)


@dataclass
class Deployment:
    """One namespace on the broker, and what the tests want from it."""

    url: str
    topology: Topology
    connection: AbstractConnection
    publisher: Publisher
    events: list[Event] = field(default_factory=list)

    async def count(self, queue: Queue) -> int:
        """Messages that wait in a queue."""
        return (await message_counts(self.connection, [queue.name]))[queue.name]

    async def waiting(self) -> int:
        """Messages on the whole wheel."""
        names = [place.name for place in self.topology.places()]
        return sum((await message_counts(self.connection, names)).values())

    def seen(self, kind: type[Event], **fields: Any) -> list[Any]:
        """The events of a kind so far, whose fields have these values."""
        return [
            event
            for event in self.events
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def send(self, job_type: str = "t", lane: Lane = Lane.NORMAL, **changes: Any) -> UUID:
        """Put a job into a ready queue; fields of the job or of its message may be changed."""
        on_message = {name: changes.pop(name) for name in MESSAGE_FIELDS if name in changes}
        now = system_clock()
        deadline = now + timedelta(hours=1)
        usual = Job(uuid4(), job_type, Priority.NORMAL, Band.LOW, now, deadline, 1.0, (REGION,))
        queued = QueuedJob(job=replace(usual, **changes), region=REGION, **on_message)
        await self.publisher.ready(queued, REGION, lane)
        return queued.job.id

    async def fetch(self, queue: Queue) -> Any:
        """Take one message out of a queue; None where there is none."""
        channel = await self.connection.channel()
        found = await channel.get_queue(queue.name, ensure=False)
        message = await found.get(fail=False, no_ack=True)
        await channel.close()
        return message

    async def ask(self, kind: type[Control], **fields: Any) -> None:
        """Send a control message."""
        await self.publisher.control(kind(id=uuid4(), at=system_clock(), by="ana", **fields))

    async def grid(
        self, values: list[float], band: Band | None = None, period: float = PERIOD_SECONDS
    ) -> None:
        """Broadcast an update whose forecast starts now."""
        now = system_clock()
        reading = Reading(
            REGION, now, period, Signal.MARGINAL, "test", True, intensity_g_per_kwh=values[0]
        )
        update = IntensityUpdated(
            id=uuid4(),
            at=now,
            reading=reading,
            band=band or absolute_cuts().band_of(values[0]),
            freshness=Freshness.LIVE,
            forecast=Forecast(now, now.replace(microsecond=0), period, tuple(values)),
            cuts=absolute_cuts(),
        )
        await self.publisher.broadcast(update, REGION)

    @asynccontextmanager
    async def scheduler(
        self, schedules: Sequence[Schedule] = (), **settings: Any
    ) -> AsyncIterator[Scheduler]:
        """A scheduler that runs inside the test."""
        chosen = SchedulerSettings(_env_file=None, regions=(REGION,), margin_seconds=0, **settings)
        scheduler = Scheduler(
            self.topology,
            Door({}, chosen),
            Wheel(SLOT_SECONDS, self.topology.wheel_slots),
            Rules(margin_seconds=0),
            self.publisher,
            system_clock,
            uuid4().hex,
            schedules,
        )
        stop = asyncio.Event()

        async def session(connection: AbstractConnection) -> None:
            await scheduler.session(connection, stop, 0.1)

        async with self._running(session, stop):
            yield scheduler

    @asynccontextmanager
    async def pool(
        self,
        handlers: Mapping[str, Handler | Callable[..., Any]],
        base: Base | None = None,
        *,
        processes: Processes | None = None,
        rules: PoolRules | None = None,
        grace_seconds: float = 5.0,
    ) -> AsyncIterator[RegionPool]:
        """A worker pool that runs inside the test; handlers take (payload, context)."""
        known = {
            name: work if isinstance(work, Handler) else Handler(name, work, takes_context=True)
            for name, work in handlers.items()
        }
        attempts = Attempts(
            known, self.publisher, None, system_clock, system_random, processes=processes
        )
        pool = RegionPool(
            REGION,
            uuid4().hex,
            rules or PoolRules(base or Base(4, 1), SLOT_SECONDS),
            self.topology,
            attempts,
            self.publisher,
            system_clock,
        )
        stop = asyncio.Event()

        async def session(connection: AbstractConnection) -> None:
            await pool.session(connection, stop)
            await pool.drain(grace_seconds)

        async with self._running(session, stop):
            yield pool

    @asynccontextmanager
    async def _running(
        self, session: Callable[[AbstractConnection], Awaitable[None]], stop: asyncio.Event
    ) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_connected(self.url, "test", session, stop, system_random))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait({task}, timeout=20)
            if not task.done():
                for each in asyncio.all_tasks():
                    each.print_stack(limit=15)
                pytest.fail("it does not stop")


@pytest.fixture(autouse=True)
def logs_apart() -> Iterator[None]:
    """Keep the logs of services inside a test out of what the test reads from standard output."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.reset_defaults()


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Waits for a condition with a time limit."""
    return wait_until


@pytest.fixture
def deployment_of() -> type[Deployment]:
    """Makes a deployment of a broker of one's own."""
    return Deployment


@pytest.fixture
async def deployment(amqp_url: str, namespace: str) -> AsyncIterator[Deployment]:
    """A declared namespace with a wheel of 30 slots; its queues are deleted at the end."""
    topology = Topology((REGION,), 30, namespace)
    connection = await connect(amqp_url, "test")
    await declare(connection, topology)
    here = Deployment(amqp_url, topology, connection, Publisher(amqp_url, topology, "test"))
    listening = await connection.channel()
    queue = await listening.declare_queue(exclusive=True)
    for key in ("job.#", "pool.#", "control.#", "intensity.#", "timetable.#"):
        await queue.bind(topology.events.name, key)

    async def note(message: Any) -> None:
        here.events.append(decode_event(message.body))

    await queue.consume(note, no_ack=True)
    yield here
    await here.publisher.close()
    channel = await connection.channel()
    for each in topology.queues():
        with suppress(Exception):
            await channel.queue_delete(each.name, if_unused=False)
    for exchange in topology.exchanges():
        await channel.exchange_delete(exchange.name)
    await connection.close()


@pytest.fixture
async def orders_sent(deployment: Deployment) -> list[AnyControl]:
    """The orders, as they pass the exchange."""
    orders: list[AnyControl] = []
    channel = await deployment.connection.channel()
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(deployment.topology.control.name, "#")

    async def note(message: Any) -> None:
        orders.append(decode_control(message.body))

    await queue.consume(note, no_ack=True)
    return orders

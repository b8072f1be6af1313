"""A scheduler and a worker pool in one event loop, in a namespace of their own."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

from aio_pika.abc import AbstractConnection

from services.scheduler.service import Scheduler
from services.scheduler.settings import SchedulerSettings
from services.worker_pool.attempts import Attempts
from services.worker_pool.capacity import Base
from services.worker_pool.processes import Processes
from services.worker_pool.service import PoolRules, RegionPool
from shared.broker.connection import LOST, connect, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, declare
from shared.catalogue import Door, load_catalogue
from shared.client import SyncJobClient
from shared.domain.bands import Band, absolute_cuts, capacity
from shared.domain.decisions import Rules
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.timetable import Wheel
from shared.handlers import load_handlers
from shared.jobs_file import load_schedules
from shared.messages import IntensityUpdated
from shared.runtime import system_clock, system_random

REGION = "TEST"
SLOT_SECONDS = 1.0
WHEEL_SLOTS = 60
CLEAN_G_PER_KWH = 100.0
A_DAY_OF_POINTS = 288
POINT_SECONDS = 300.0
STANDBY_SECONDS = 0.1
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """What a system is made of."""

    amqp_url: str
    handlers: str
    consumers: int
    jobs_file: Path | None
    namespace: str = field(default_factory=lambda: f"test_{secrets.token_hex(4)}")


@dataclass(frozen=True, slots=True)
class SystemUnderTest:
    """What a test gets.

    Attributes:
        amqp_url: the broker, for clients of the test's own.
        namespace: where everything of this system is on it.
        client: connected, hears of all its jobs.
    """

    amqp_url: str
    namespace: str
    client: SyncJobClient
    _broadcast: Callable[[tuple[float, ...], float], None]

    def grid(self, *g_per_kwh: float, period_seconds: float = SLOT_SECONDS) -> None:
        """Set the grid's intensity now and what is forecast for the periods after it.

        Every system starts on a clean grid, so that jobs run at once; `grid(500, 500, 100)`
        makes them wait for two seconds. Bands are cut at 150, 250, 400 and 550 g/kWh.
        """
        self._broadcast(g_per_kwh, period_seconds)


class RunningSystem:
    """Runs the services while its block does, and takes its queues away again."""

    def __init__(self, options: SystemOptions) -> None:
        """Prepare; the block declares and starts everything."""
        self._options = options
        self._topology = Topology((REGION,), WHEEL_SLOTS, options.namespace)
        self._publisher = Publisher(options.amqp_url, self._topology, "test")
        self._stop = asyncio.Event()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start.

        Raises:
            ConfigurationError: the handlers' module or the jobs file is wrong.
        """
        async with AsyncExitStack() as stack:
            pool = self._pool(stack)
            scheduler = self._scheduler()
            stack.push_async_callback(self._publisher.close)
            connection = await connect(self._options.amqp_url, "test")
            stack.push_async_callback(self._take_away, connection)
            await declare(connection, self._topology)
            await self.broadcast((CLEAN_G_PER_KWH,) * A_DAY_OF_POINTS, POINT_SECONDS)

            async def schedule(connection: AbstractConnection) -> None:
                await scheduler.session(connection, self._stop, STANDBY_SECONDS)

            async def work(connection: AbstractConnection) -> None:
                await pool.session(connection, self._stop)
                await pool.drain(GRACE_SECONDS)

            tasks = [asyncio.create_task(self._keep(each)) for each in (schedule, work)]
            stack.push_async_callback(self._end, tasks)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the services, then delete their queues."""
        await self._open.aclose()

    async def broadcast(self, g_per_kwh: tuple[float, ...], period_seconds: float) -> None:
        """Tell the services how clean the grid is now, and in the periods after."""
        now, cuts = system_clock(), absolute_cuts()
        first = g_per_kwh[0]
        reading = Reading(
            REGION,
            now,
            period_seconds,
            Signal.MARGINAL,
            "test",
            simulated=True,
            intensity_g_per_kwh=first,
        )
        update = IntensityUpdated(
            id=uuid4(),
            at=now,
            reading=reading,
            band=cuts.band_of(first),
            freshness=Freshness.LIVE,
            forecast=Forecast(now, now.replace(microsecond=0), period_seconds, g_per_kwh),
            cuts=cuts,
        )
        await self._publisher.broadcast(update, REGION)

    def _scheduler(self) -> Scheduler:
        catalogue = self._options.jobs_file or Path(os.devnull)
        settings = SchedulerSettings.load().model_copy(
            update={"regions": (REGION,), "margin_seconds": 0.0}
        )
        return Scheduler(
            self._topology,
            Door(load_catalogue(catalogue), settings),
            Wheel(SLOT_SECONDS, WHEEL_SLOTS),
            Rules(margin_seconds=0),
            self._publisher,
            system_clock,
            uuid4().hex,
            load_schedules(catalogue),
        )

    def _pool(self, stack: AsyncExitStack) -> RegionPool:
        handlers = load_handlers(self._options.handlers)
        most = capacity(self._options.consumers, Band.VERY_LOW)
        threads = ThreadPoolExecutor(most, thread_name_prefix="handler")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        processes = Processes(self._options.handlers, [])
        stack.push_async_callback(processes.close)
        ways = (self._publisher, threads, system_clock, system_random)
        attempts = Attempts(handlers, *ways, processes=processes)
        rules = PoolRules(Base(self._options.consumers, 1), SLOT_SECONDS)
        return RegionPool(
            REGION, uuid4().hex, rules, self._topology, attempts, self._publisher, system_clock
        )

    async def _keep(self, session: Callable[[AbstractConnection], Awaitable[None]]) -> None:
        await keep_connected(self._options.amqp_url, "test", session, self._stop, system_random)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Let both end, also where one of them failed, and then say how that one did.

        Raises:
            BaseException: what ended the first that failed.
        """
        self._stop.set()
        await asyncio.wait(tasks)
        failed = [error for task in tasks if (error := task.exception())]
        if failed:
            raise failed[0]

    async def _take_away(self, connection: AbstractConnection) -> None:
        channel = await connection.channel()
        for queue in self._topology.queues():
            await channel.queue_delete(queue.name, if_unused=False)
        for exchange in self._topology.exchanges():
            await channel.exchange_delete(exchange.name)
        with suppress(*LOST):
            await connection.close()

"""One scheduler leads, others stand by; whoever leads runs intake and release."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.scheduler.claims import Claims
from services.scheduler.control import Orders
from services.scheduler.control_calls import Calls
from services.scheduler.control_log import ControlLog
from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.intake import Intake
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.periodic import Periodic
from services.scheduler.placing import Placing
from services.scheduler.plan import Plan
from services.scheduler.queue_watch import watch_queues, watched
from services.scheduler.release import Release
from shared.broker.consume import acknowledge, settling
from shared.broker.lead import wait_for_lead
from shared.broker.publish import Publisher
from shared.broker.stream import follow
from shared.broker.topology import Topology, bind, check
from shared.catalogue import Door
from shared.domain.decisions import Rules
from shared.domain.timetable import Wheel
from shared.errors import Undecodable
from shared.messages import AnyControl, Event, PoolResized, ServiceBeat, decode_event
from shared.schedules import Schedule
from shared.tasks import end

INTAKE_PREFETCH = 100
CATCH_UP_SECONDS = 4.0

log = structlog.get_logger()


class Scheduler:
    """Takes the lead when it is free, and works until the connection or the lead is lost.

    Attributes:
        metrics: what it counts; replaced before the first session where somebody asks for it.
    """

    def __init__(
        self,
        topology: Topology,
        door: Door,
        wheel: Wheel,
        rules: Rules,
        publisher: Publisher,
        clock: Callable[[], datetime],
        instance: str,
        schedules: Sequence[Schedule] = (),
    ) -> None:
        """Prepare; `session` does the work over one connection after another."""
        self._topology = topology
        self._door = door
        self._wheel = wheel
        self._rules = rules
        self._publisher = publisher
        self._clock = clock
        self._instance = instance
        self._schedules = schedules
        self.metrics = SchedulerMetrics()
        self._claims_hold = timedelta(hours=door.settings.idempotency_hours)
        self._fleet = Fleet()
        self._orders = Orders()
        self._calls: Calls | None = None
        self._plan: Plan | None = None
        self._release: Release | None = None
        self._intake: Intake | None = None

    def facts(self) -> dict[str, str | int | float | bool | None]:
        """What the beats tell: the role, and what waits."""
        return {
            "role": "standby" if self._plan is None else "leader",
            "waiting": self._plan.jobs() if self._plan else None,
            "accepted": self._intake.accepted if self._intake else None,
            "rejected": self._intake.rejected if self._intake else None,
            "duplicates": self._intake.duplicates if self._intake else None,
        }

    async def session(
        self, connection: AbstractConnection, stop: asyncio.Event, standby_seconds: float
    ) -> None:
        """Stand by, lead, and stop in good order when told to."""
        topology = self._topology
        needed = (topology.intensity_log, topology.control_log, topology.claims)
        await check(connection, (*needed, *watched(topology), *topology.places()))
        await self._hear_pools(connection)
        claims = Claims(connection, topology, self._publisher, self._clock, self._claims_hold)
        await claims.follow()
        # Heard from the start, so that a standby knows what was asked for when it takes over.
        self._orders = Orders()
        control_log = ControlLog(self._take_order)
        await control_log.follow(connection, topology.control_log)
        if not await wait_for_lead(connection, topology.scheduler_lead, stop, standby_seconds):
            return
        log.info("leading")
        self.metrics.leads()
        try:
            await self._lead(connection, stop, claims)
        finally:
            self._plan = self._intake = self._release = self._calls = None
            self.metrics.stands_by()

    async def _lead(
        self, connection: AbstractConnection, stop: asyncio.Event, claims: Claims
    ) -> None:
        plan = self._plan = Plan(self._wheel)
        grids = Grids()
        fleet = self._fleet
        orders = self._orders
        calls = self._calls = Calls(orders, plan, self._publisher, self._clock)
        placing = Placing(
            grids,
            fleet,
            plan,
            self._rules,
            self._publisher,
            self._clock,
            orders,
            calls,
            self.metrics,
        )
        intake = self._intake = Intake(self._door, placing, self._publisher, self._clock, claims)
        release = self._release = Release(
            connection, self._topology, grids, fleet, placing, self._publisher, self._clock
        )
        stream = await connection.channel()
        await follow(stream, self._topology.intensity_log, "last", release.take)
        # A job that is decided before the stream is read would see an unknown grid, and run.
        await release.wait_for_grids(CATCH_UP_SECONDS)
        await claims.catch_up()
        periodic = Periodic(
            self._schedules, self._publisher, claims, self._clock, self._claims_hold
        )
        publisher, consuming = self._publisher, await connection.channel()
        await consuming.set_qos(INTAKE_PREFETCH)
        submitted = await consuming.get_queue(self._topology.submitted.name, ensure=False)
        await submitted.consume(
            settling(intake.handle, publisher.set_aside, publisher.tracing, queue=submitted.name)
        )
        watching = watch_queues(connection, self._topology, plan, self.metrics)
        await _until_stopped(stop, release.run(), periodic.run(), watching)

    def _take_order(self, asked: AnyControl) -> None:
        self._orders.take(asked)
        if self._calls is not None:
            self._calls.hear(asked)

    async def _hear_pools(self, connection: AbstractConnection) -> None:
        """Follow the pools from the start, so that a standby knows them when it takes over."""
        channel = await connection.channel()
        name = self._topology.named(f"ctl.scheduler.{self._instance}")
        queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
        for key in ("service.beat", "pool.resized"):
            await bind(queue, self._topology.events, key)

        async def on_message(message: AbstractIncomingMessage) -> None:
            with suppress(Undecodable):
                self._hear(decode_event(message.body))
            await acknowledge(message)

        await queue.consume(on_message)

    def _hear(self, event: Event) -> None:
        if isinstance(event, PoolResized):
            self._fleet.resized(event)
        elif not isinstance(event, ServiceBeat) or not self._fleet.take(event):
            return
        if self._release is not None:
            self._release.heard_of_pools()


async def _until_stopped(stop: asyncio.Event, *work: Awaitable[None]) -> None:
    """Let all of it go on until the stop; what breaks or ends before ends the rest too."""
    working = [asyncio.ensure_future(each) for each in work]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in working:
            if task.done():
                task.result()
    finally:
        await end(*working, stopping)

"""Wiring of the scheduler."""

import asyncio
import sys

from aio_pika.abc import AbstractConnection
from prometheus_client import CollectorRegistry

from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.periodic import check_schedules
from services.scheduler.service import Scheduler
from services.scheduler.settings import SchedulerSettings
from shared.broker.connection import Reach, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.catalogue import Door, load_catalogue
from shared.domain.decisions import Rules
from shared.domain.timetable import Wheel
from shared.health import Health, serving_health
from shared.jobs_file import load_schedules
from shared.metrics import PublishMetrics, watch_broker
from shared.runtime import Identity, beating, run_service, system_clock, system_random
from shared.telemetry import telemetry
from shared.tracing import Tracing

HEARTBEAT_SECONDS = 5
"""A leader that hangs loses the lead after two of these, and a standby takes over."""


async def main(settings: SchedulerSettings, stop: asyncio.Event) -> None:
    """Wire the scheduler and run it until stopped."""
    async with telemetry("scheduler", settings.otel_exporter_otlp_endpoint) as tracing:
        await _run(settings, stop, tracing)


async def _run(settings: SchedulerSettings, stop: asyncio.Event, tracing: Tracing) -> None:
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    registry = CollectorRegistry()
    publisher = Publisher(
        settings.amqp_url, topology, "scheduler", system_clock, PublishMetrics(registry), tracing
    )
    identity = Identity("scheduler", system_clock(), settings)
    door = Door(load_catalogue(settings.jobs_file), settings)
    schedules = load_schedules(settings.jobs_file)
    check_schedules(schedules, door)
    scheduler = Scheduler(
        topology,
        door,
        Wheel(settings.slot_seconds, settings.wheel_slots),
        Rules(margin_seconds=settings.margin_seconds),
        publisher,
        system_clock,
        identity.instance,
        schedules,
    )
    scheduler.metrics = SchedulerMetrics(registry)

    async def session(connection: AbstractConnection) -> None:
        await scheduler.session(connection, stop, settings.standby_seconds)

    reach = Reach()
    watch_broker(registry, reach.problems)
    health = Health(
        reach.problems, registry
    )  # a standby that hears the broker is ready to take over
    async with (
        serving_health(health, settings.health_host, settings.health_port),
        beating(
            identity,
            publisher,
            system_clock,
            scheduler.facts,
            interval_seconds=settings.beat_seconds,
        ),
    ):
        await keep_connected(
            settings.amqp_url,
            "scheduler",
            session,
            stop,
            system_random,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            reach=reach,
        )
    await publisher.close()


if __name__ == "__main__":
    sys.exit(run_service("scheduler", SchedulerSettings, main))

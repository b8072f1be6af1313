"""Wiring of the scheduler."""

import asyncio
import sys

from aio_pika.abc import AbstractConnection

from services.scheduler.periodic import check_schedules
from services.scheduler.service import Scheduler
from services.scheduler.settings import SchedulerSettings
from shared.broker.connection import keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.catalogue import Door, load_catalogue
from shared.domain.decisions import Rules
from shared.domain.timetable import Wheel
from shared.jobs_file import load_schedules
from shared.runtime import Identity, beating, run_service, system_clock, system_random

HEARTBEAT_SECONDS = 5
"""A leader that hangs loses the lead after two of these, and a standby takes over."""


async def main(settings: SchedulerSettings, stop: asyncio.Event) -> None:
    """Wire the scheduler and run it until stopped."""
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    publisher = Publisher(settings.amqp_url, topology, "scheduler", clock=system_clock)
    identity = Identity("scheduler", system_clock())
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

    async def session(connection: AbstractConnection) -> None:
        await scheduler.session(connection, stop, settings.standby_seconds)

    async with beating(
        identity,
        publisher,
        system_clock,
        scheduler.facts,
        interval_seconds=settings.beat_seconds,
    ):
        await keep_connected(
            settings.amqp_url,
            "scheduler",
            session,
            stop,
            system_random,
            heartbeat_seconds=HEARTBEAT_SECONDS,
        )
    await publisher.close()


if __name__ == "__main__":
    sys.exit(run_service("scheduler", SchedulerSettings, main))

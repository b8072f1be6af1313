"""Wiring of the intensity publisher."""

import asyncio
import sys

from aio_pika.abc import AbstractConnection
from prometheus_client import CollectorRegistry

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain
from services.intensity_publisher.metrics import Metrics
from services.intensity_publisher.service import IntensityPublisher, Method
from services.intensity_publisher.settings import PublisherSettings
from services.intensity_publisher.sources import archives, chain_links
from shared.broker.connection import Reach, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.health import Health, serving_health
from shared.metrics import PublishMetrics, watch_broker
from shared.runtime import Identity, beating, run_service, system_clock, system_random


async def main(settings: PublisherSettings, stop: asyncio.Event) -> None:
    """Wire the publisher and run it until stopped."""
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    links = chain_links(settings, system_clock, metrics.requested)
    chain = Chain(links)
    publisher = Publisher(
        settings.amqp_url, topology, "intensity publisher", metrics=PublishMetrics(registry)
    )
    service = IntensityPublisher(
        chain,
        Backfill(archives(links)),
        publisher,
        topology,
        Method(
            settings.band_mode,
            settings.band_history_seconds,
            settings.forecast_hours,
            settings.reread_seconds,
        ),
        metrics,
        system_clock,
        system_random,
    )
    identity = Identity("intensity_publisher", system_clock(), settings)
    reach = Reach()
    watch_broker(registry, reach.problems)
    health = Health(
        lambda: reach.problems() | dict(metrics.stale_regions(system_clock())), registry
    )

    async def session(connection: AbstractConnection) -> None:
        await service.session(connection, stop)

    async with (
        serving_health(health, settings.health_host, settings.health_port),
        beating(
            identity,
            publisher,
            system_clock,
            lambda: {"role": "leader" if metrics.polls() else "standby", **chain.orders()},
            interval_seconds=settings.beat_seconds,
        ),
    ):
        await keep_connected(
            settings.amqp_url, "intensity publisher", session, stop, system_random, reach=reach
        )
    await chain.close()
    await publisher.close()


if __name__ == "__main__":
    sys.exit(run_service("intensity_publisher", PublisherSettings, main))

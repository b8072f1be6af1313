"""Wiring of the intensity publisher."""

import asyncio
import sys
from contextlib import suppress
from datetime import timedelta

import httpx

from services.intensity_publisher.classifier import Classifier
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.service import IntensityPublisher
from services.intensity_publisher.settings import PublisherSettings
from shared.broker.connection import connect
from shared.broker.publish import Publisher
from shared.broker.stream import read_history
from shared.broker.topology import Topology, check
from shared.errors import BrokerUnreachable, ConfigurationError
from shared.runtime import (
    Identity,
    beating,
    run_service,
    system_clock,
    system_random,
    wait_or_stop,
)


async def main(settings: PublisherSettings, stop: asyncio.Event) -> None:
    """Wire the publisher and run it until stopped."""
    if not settings.watttime_username or not settings.watttime_password.get_secret_value():
        raise ConfigurationError(
            "WATTTIME_USERNAME and WATTTIME_PASSWORD are not set; "
            "`carbon-aware up` runs without an account, on the emulator"
        )
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    classifiers = [
        Classifier(region, settings.band_mode, settings.band_history_seconds)
        for region in settings.regions
    ]
    await _remember(settings, topology, classifiers, stop)
    source = WattTime(
        httpx.AsyncClient(base_url=settings.watttime_url, timeout=settings.source_timeout_seconds),
        settings.watttime_username,
        settings.watttime_password.get_secret_value(),
        system_clock,
        horizon_hours=settings.forecast_hours,
    )
    publisher = Publisher(settings.amqp_url, topology, "intensity publisher")
    service = IntensityPublisher(source, publisher, classifiers, system_clock, system_random)
    identity = Identity("intensity_publisher", system_clock())
    try:
        async with beating(
            identity,
            publisher,
            system_clock,
            lambda: {"polls": service.polls, "failures": service.failures},
            interval_seconds=settings.beat_seconds,
        ):
            await service.run(stop)
    finally:
        await source.close()
        await publisher.close()


async def _remember(
    settings: PublisherSettings,
    topology: Topology,
    classifiers: list[Classifier],
    stop: asyncio.Event,
) -> None:
    """Read the history back from the stream, waiting for a broker that is late."""
    while not stop.is_set():
        with suppress(BrokerUnreachable):
            connection = await connect(settings.amqp_url, "intensity publisher reads history")
            async with connection:
                await check(connection, [topology.intensity_log])
                since = system_clock() - timedelta(seconds=settings.band_history_seconds)
                for update in await read_history(connection, topology.intensity_log, since):
                    for classifier in classifiers:
                        classifier.remember(update)
            return
        await wait_or_stop(stop, 1.0)


if __name__ == "__main__":
    sys.exit(run_service("intensity_publisher", PublisherSettings, main))

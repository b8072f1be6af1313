"""Wiring of the ledger."""

import asyncio
import sys
from uuid import uuid4

from prometheus_client import CollectorRegistry

from services.ledger.collecting import collecting_seldom
from services.ledger.metrics import LedgerMetrics
from services.ledger.recorder import Recorder
from services.ledger.retention import Pruner
from services.ledger.service import Batching, Ledger
from services.ledger.settings import LedgerSettings
from services.ledger.totals_watch import watching_totals
from shared.broker.connection import Reach, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.health import Health, serving_health
from shared.ledger.schema import open_engine
from shared.metrics import PublishMetrics, watch_broker
from shared.runtime import Identity, beating, run_service, system_clock, system_random
from shared.telemetry import telemetry
from shared.tracing import Tracing


async def main(settings: LedgerSettings, stop: asyncio.Event) -> None:
    """Wire the ledger and run it until stopped."""
    async with telemetry("ledger", settings.otel_exporter_otlp_endpoint) as tracing:
        await _run(settings, stop, tracing)


async def _run(settings: LedgerSettings, stop: asyncio.Event, tracing: Tracing) -> None:
    engine = open_engine(settings.ledger_url)
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    registry = CollectorRegistry()
    publisher = Publisher(
        settings.amqp_url, topology, "ledger", system_clock, PublishMetrics(registry), tracing
    )
    identity = Identity("ledger", system_clock(), settings)
    metrics = LedgerMetrics(registry)
    batching = Batching(settings.batch_events, settings.batch_seconds, settings.prefetch_events)
    ledger = Ledger(
        Recorder(engine, system_clock),
        publisher,
        topology.ledger_events,
        batching,
        stop,
        system_clock,
        metrics,
    )
    retention = settings.retention()
    written = ledger.backlog.is_written
    pruner = Pruner(engine, retention, system_clock, uuid4, stop, written) if retention else None
    pruning = asyncio.create_task(pruner.run()) if pruner else None
    reach = Reach()
    watch_broker(registry, reach.problems)
    health = Health(lambda: reach.problems() | ledger.problems(), registry)
    async with (
        serving_health(health, settings.health_host, settings.health_port),
        watching_totals(engine, metrics),
        beating(
            identity,
            publisher,
            system_clock,
            ledger.facts,
            interval_seconds=settings.beat_seconds,
        ),
    ):
        with collecting_seldom():
            await keep_connected(
                settings.amqp_url, "ledger", ledger.session, stop, system_random, reach=reach
            )
    if pruning is not None:
        await pruning
    await publisher.close()
    engine.dispose()


if __name__ == "__main__":
    sys.exit(run_service("ledger", LedgerSettings, main))

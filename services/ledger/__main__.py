"""Wiring of the ledger."""

import asyncio
import sys
from uuid import uuid4

from services.ledger.recorder import Recorder
from services.ledger.retention import Pruner
from services.ledger.service import Batching, Ledger
from services.ledger.settings import LedgerSettings
from shared.broker.connection import keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.ledger.schema import open_engine
from shared.runtime import Identity, beating, run_service, system_clock, system_random


async def main(settings: LedgerSettings, stop: asyncio.Event) -> None:
    """Wire the ledger and run it until stopped."""
    engine = open_engine(settings.ledger_url)
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    publisher = Publisher(settings.amqp_url, topology, "ledger")
    identity = Identity("ledger", system_clock())
    batching = Batching(settings.batch_events, settings.batch_seconds, settings.prefetch_events)
    recorder = Recorder(engine, system_clock)
    ledger = Ledger(recorder, publisher, topology.ledger_events, batching, stop)
    retention = settings.retention()
    pruner = Pruner(engine, retention, system_clock, uuid4, stop) if retention else None
    pruning = asyncio.create_task(pruner.run()) if pruner else None
    async with beating(
        identity,
        publisher,
        system_clock,
        ledger.facts,
        interval_seconds=settings.beat_seconds,
    ):
        await keep_connected(settings.amqp_url, "ledger", ledger.session, stop, system_random)
    if pruning is not None:
        await pruning
    await publisher.close()
    engine.dispose()


if __name__ == "__main__":
    sys.exit(run_service("ledger", LedgerSettings, main))

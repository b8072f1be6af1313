"""A ledger under test on a real broker, as a task or as a process, and what it is told."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from aio_pika.abc import AbstractConnection
from sqlalchemy import Engine, func, select

from services.ledger.recorder import Recorder
from services.ledger.service import Batching, Ledger
from shared.broker.connection import keep_connected
from shared.domain.savings import EnergyMethod
from shared.ledger.tables import events
from shared.messages import AnyEvent, JobStarted, JobSucceeded
from shared.runtime import system_clock, system_random

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def job_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"job {number}")


def attempt(number: int, kind: str, attempt_number: int = 1) -> dict[str, Any]:
    return {
        "id": uuid5(job_id(number), f"{kind} {attempt_number}"),
        "at": NOON + timedelta(seconds=number),
        "job_id": job_id(number),
        "attempt": attempt_number,
        "pool": "p:R",
        "region": "R",
        "started_at": NOON + timedelta(seconds=number),
    }


def two_events(number: int) -> list[AnyEvent]:
    """A job that starts and succeeds."""
    started = JobStarted(**attempt(number, "started"))
    finished = {"finished_at": NOON + timedelta(seconds=number + 5)}
    energy = {"energy_kwh": 0.5, "energy_method": EnergyMethod.DECLARED}
    return [started, JobSucceeded(**attempt(number, "succeeded"), **finished, **energy)]


@dataclass
class Service:
    """A ledger with its database; runs inside the test or as a process."""

    deployment: Any
    url: str
    engine: Engine
    connections: list[AbstractConnection] = field(default_factory=list)

    def count(self, table: Any = events) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    async def waiting(self) -> int:
        return await self.deployment.count(self.deployment.topology.ledger_events)

    async def tell(self, told: list[AnyEvent]) -> None:
        """Publish, each confirmed."""
        for start in range(0, len(told), 200):
            chunk = told[start : start + 200]
            await asyncio.gather(*(self.deployment.publisher.event(each) for each in chunk))

    @asynccontextmanager
    async def inside(self, engine: Engine | None = None) -> AsyncIterator[Ledger]:
        stop = asyncio.Event()
        topology = self.deployment.topology
        ledger = Ledger(
            Recorder(engine or self.engine),
            self.deployment.publisher,
            topology.ledger_events,
            Batching(events=50, seconds=0.01, prefetch=100),
            stop,
            system_clock,
        )

        async def session(connection: AbstractConnection) -> None:
            self.connections.append(connection)
            await ledger.session(connection)

        url = self.deployment.url
        task = asyncio.create_task(keep_connected(url, "ledger", session, stop, system_random))
        try:
            yield ledger
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)

    async def process(self, **environment: str) -> asyncio.subprocess.Process:
        own = {
            "AMQP_URL": self.deployment.url,
            "NAMESPACE": self.deployment.topology.namespace,
            "REGIONS": "R",
            "WHEEL_SLOTS": "30",
            "LEDGER_URL": self.url,
            "BATCH_EVENTS": "20",
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ledger",
            cwd=ROOT,
            env=os.environ | own | environment,
            stderr=asyncio.subprocess.PIPE,
        )

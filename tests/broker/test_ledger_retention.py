"""The ledger as a process prunes by itself, and tells of what came too late."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from sqlalchemy import Engine, func, select

from shared.domain.savings import EnergyMethod
from shared.ledger import reads
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import daily, jobs
from shared.ledger.writes import record
from shared.messages import JobSucceeded
from shared.runtime import system_clock

ROOT = Path(__file__).parents[2]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LIMIT_SECONDS = 60


def succeeded(number: int, at: datetime) -> JobSucceeded:
    return JobSucceeded(
        id=uuid5(NAMESPACE_OID, f"done {number}"),
        at=at,
        job_id=uuid5(NAMESPACE_OID, f"job {number}"),
        attempt=1,
        pool="p:R",
        region="R",
        started_at=at - timedelta(seconds=5),
        finished_at=at,
        energy_kwh=0.5,
        energy_method=EnergyMethod.DECLARED,
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A ledger with its tables."""
    migrate(url)
    opened = open_engine(url)
    yield opened
    opened.dispose()


@asynccontextmanager
async def running(deployment: Any, url: str) -> AsyncIterator[list[str]]:
    """A ledger that ends well with the block; what it wrote in its log is in the list then."""
    own = {
        "AMQP_URL": deployment.url,
        "NAMESPACE": deployment.topology.namespace,
        "REGIONS": "R",
        "WHEEL_SLOTS": "30",
        "LEDGER_URL": url,
        "RETENTION_DAYS": "30",
        "BEAT_SECONDS": "0.2",
        "BATCH_EVENTS": "50",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.ledger",
        cwd=ROOT,
        env=os.environ | own,
        stderr=asyncio.subprocess.PIPE,
    )
    log: list[str] = []
    try:
        yield log
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            _, said = await process.communicate()
        log += said.decode().splitlines()
    assert process.returncode == 0


def number_of(engine: Engine, column: Any) -> int:
    """A sum or a count as it is now."""
    with engine.connect() as connection:
        return connection.scalar(select(column)) or 0


async def test_a_queue_older_than_the_retention_is_recorded_before_it_is_pruned(
    deployment: Any, url: str, engine: Engine, until: Any
) -> None:
    for number in range(300):
        await deployment.publisher.event(succeeded(number, LONG_AGO))
    jobs_ever, jobs_now = func.sum(daily.c.jobs), func.count(jobs.c.id)
    async with running(deployment, url) as log:
        await until(lambda: number_of(engine, jobs_ever) == 300, LIMIT_SECONDS)
        await until(lambda: reads.audit(engine, LONG_AGO), LIMIT_SECONDS)
        await until(lambda: number_of(engine, jobs_now) == 0, LIMIT_SECONDS)
    assert not any("change nothing" in line for line in log)
    assert number_of(engine, jobs_ever) == 300, "roll-ups stay"


async def test_old_jobs_go_and_do_not_come_back(
    deployment: Any, url: str, engine: Engine, until: Any
) -> None:
    old = [succeeded(number, LONG_AGO) for number in range(500)]
    with writing(engine) as connection:
        record(connection, old)

    def too_late() -> list[Any]:
        return [beat.facts.get("too_late") for beat in reads.services(engine, system_clock())]

    jobs_now = func.count(jobs.c.id)
    async with running(deployment, url) as log:
        await until(lambda: number_of(engine, jobs_now) == 0, LIMIT_SECONDS)
        for event in (*old[:3], succeeded(1000, system_clock())):
            await deployment.publisher.event(event)
        await until(lambda: too_late() == [3], LIMIT_SECONDS)
        await until(lambda: number_of(engine, jobs_now) == 1, LIMIT_SECONDS)
    assert any("events of jobs that were pruned change nothing" in line for line in log)
    assert [entry.by for entry in reads.audit(engine, LONG_AGO)] == ["ledger"]

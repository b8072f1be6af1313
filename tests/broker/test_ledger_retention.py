"""The ledger as a process prunes by itself, and tells of what came too late."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import func, select

from shared.domain.savings import EnergyMethod
from shared.ledger import reads
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import jobs
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


async def test_old_jobs_go_and_do_not_come_back(
    deployment: Any, tmp_path: Path, until: Any
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    engine = open_engine(url)
    old = [succeeded(number, LONG_AGO) for number in range(500)]
    with writing(engine) as connection:
        record(connection, old)

    def count() -> int:
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(jobs)) or 0

    own = {
        "AMQP_URL": deployment.url,
        "NAMESPACE": deployment.topology.namespace,
        "REGIONS": "R",
        "WHEEL_SLOTS": "30",
        "LEDGER_URL": url,
        "RETENTION_DAYS": "30",
        "BEAT_SECONDS": "0.2",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.ledger",
        cwd=ROOT,
        env=os.environ | own,
        stderr=asyncio.subprocess.PIPE,
    )
    await until(lambda: count() == 0, LIMIT_SECONDS)
    new = succeeded(1000, system_clock())
    for event in (*old[:3], new):
        await deployment.publisher.event(event)

    def too_late() -> list[Any]:
        return [beat.facts.get("too_late") for beat in reads.services(engine, system_clock())]

    await until(lambda: too_late() == [3], LIMIT_SECONDS)
    await until(lambda: count() == 1, LIMIT_SECONDS)
    process.terminate()
    async with asyncio.timeout(20):
        await process.communicate()
    assert process.returncode == 0
    assert [entry.by for entry in reads.audit(engine, LONG_AGO)] == ["ledger"]
    engine.dispose()

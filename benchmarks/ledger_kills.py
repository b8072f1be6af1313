"""Kill the ledger at random instants under load; nothing may be lost or counted twice.

    python benchmarks/ledger_kills.py --amqp-url amqp://... [--kills 1000] [--ledger-url URL]

Before each kill some jobs' events are published; the ledger is killed with SIGKILL while it
connects, reads, writes, commits or acknowledges. In the end one that is left alone empties the
queue, and every table has to equal that of a ledger that was told each event once, in order.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aio_pika.abc import AbstractConnection
from sqlalchemy import Engine, func, select

from services.ledger.__main__ import main as ledger_service
from services.ledger.settings import LedgerSettings
from shared.broker.connection import connect
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, declare
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.jobs import Job, Priority
from shared.domain.savings import EnergyMethod
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import events, metadata, services
from shared.ledger.writes import record, settle_accounts
from shared.logs import configure_logs
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobAccepted,
    JobFailed,
    JobStarted,
    JobSucceeded,
)

REGION = "R"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JOBS_A_KILL = 10
PERIOD_SECONDS = 300.0
UNDEMANDING: dict[str, Any] = {
    "priority": Priority.NORMAL,
    "max_band": Band.VERY_HIGH,
    "deadline": NOON + timedelta(days=1000),
    "expected_duration_seconds": 80.0,
    "regions": (REGION,),
}
LIMIT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen.

    Attributes:
        kills: how many ledgers were killed.
        midway: how many of them had committed something before, and left something.
        told: events that were published.
        differing: tables that differ from those of the undisturbed ledger.
    """

    kills: int
    midway: int
    told: int
    differing: list[str]


def life(number: int) -> list[AnyEvent]:
    """A job that fails once and then succeeds, and a reading of the grid meanwhile."""
    job = uuid5(NAMESPACE_OID, f"job {number}")
    begin = NOON + timedelta(seconds=60 * number)

    def base(kind: str, seconds: float) -> dict[str, Any]:
        return {"id": uuid5(job, kind), "at": begin + timedelta(seconds=seconds)}

    def attempt(kind: str, which: int, seconds: float) -> dict[str, Any]:
        told = {"job_id": job, "attempt": which, "pool": "p:R", "region": REGION}
        started = begin + timedelta(seconds=100.0 * which)
        return base(kind, seconds) | told | {"started_at": started}

    def ending(kind: str, which: int) -> dict[str, Any]:
        known = {"energy_kwh": 0.5, "energy_method": EnergyMethod.DECLARED}
        finished = begin + timedelta(seconds=100.0 * which + 80)
        return attempt(kind, which, 100.0 * which + 80) | known | {"finished_at": finished}

    return [
        _intensity(number),
        JobAccepted(
            **base("accepted", 0),
            job_id=job,
            job=Job(id=job, type="t", submitted_at=begin, **UNDEMANDING),
        ),
        JobStarted(**attempt("started 1", 1, 100)),
        JobFailed(**ending("failed", 1), error="it broke"),
        JobStarted(**attempt("started 2", 2, 200)),
        JobSucceeded(**ending("succeeded", 2), result=number),
    ]


def _intensity(number: int) -> IntensityUpdated:
    at = NOON + timedelta(seconds=PERIOD_SECONDS * number)
    return IntensityUpdated(
        id=uuid5(NAMESPACE_OID, f"reading {number}"),
        at=at,
        reading=Reading(
            region=REGION,
            at=at,
            period_seconds=PERIOD_SECONDS,
            intensity_g_per_kwh=300.0 + number % 97,
            index_percent=50.0,
            signal=Signal.MARGINAL,
            source="watttime",
            simulated=True,
        ),
        band=Band.MEDIUM,
        freshness=Freshness.LIVE,
        cuts=absolute_cuts(),
        forecast=None,
        reason=None,
        warnings=(),
    )


async def kill_again_and_again(
    amqp_url: str, ledger_url: str, kills: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Do so in a namespace of one's own, which is removed in the end."""
    topology = Topology((REGION,), 2, f"kills_{os.getpid()}")
    migrate(ledger_url)
    settings = LedgerSettings(
        amqp_url=amqp_url,
        ledger_url=ledger_url,
        namespace=topology.namespace,
        regions=(REGION,),
        wheel_slots=2,
        batch_events=7,
    )
    engine = open_engine(ledger_url)
    connection = await connect(amqp_url, "kills")
    publisher = Publisher(amqp_url, topology, "kills")
    rounds = _Rounds(settings, engine, publisher)
    try:
        await declare(connection, topology)
        return await rounds.run(kills, random.Random(seed), say)
    finally:
        engine.dispose()
        await publisher.close()
        await _remove(connection, topology)
        await connection.close()


class _Rounds:
    """Tells events and kills whoever records them, round by round."""

    def __init__(self, settings: LedgerSettings, engine: Engine, publisher: Publisher) -> None:
        self._settings = settings
        self._engine = engine
        self._publisher = publisher
        self._told: list[AnyEvent] = []

    async def run(self, kills: int, chance: random.Random, say: Callable[[str], None]) -> Outcome:
        """The first round is undisturbed, to know how long a ledger needs."""
        await self._tell(0)
        longest_seconds = await self._record_all()
        midway = 0
        for number in range(1, kills + 1):
            await self._tell(number)
            before = _recorded(self._engine)
            with _ledger(self._settings):
                await asyncio.sleep(chance.uniform(0, longest_seconds))
            now = _recorded(self._engine)
            midway += before < now < len(self._told)
            if number % 50 == 0:
                say(f"{number} kills, {now} of {len(self._told)} events recorded")
        await self._record_all()
        return Outcome(kills, midway, len(self._told), _differing(self._engine, self._told))

    async def _tell(self, number: int) -> None:
        first = number * JOBS_A_KILL
        new = [event for job in range(first, first + JOBS_A_KILL) for event in life(job)]
        await asyncio.gather(*(self._publisher.event(event) for event in new))
        self._told += new

    async def _record_all(self) -> float:
        """Let a ledger live until it has recorded all; returns the seconds that it needed."""
        began = time.monotonic()
        with _ledger(self._settings):
            await _until(lambda: _recorded(self._engine) >= len(self._told))
        return time.monotonic() - began


@contextmanager
def _ledger(settings: LedgerSettings) -> Iterator[BaseProcess]:
    """A ledger as its own process, forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "services.ledger.__main__"])
    process = context.Process(target=_serve, args=(settings,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _serve(settings: LedgerSettings) -> None:
    configure_logs("ledger", "ERROR", as_json=False)
    asyncio.run(ledger_service(settings, asyncio.Event()))


def _recorded(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for it, but not for ever: what is missing then shows as a difference."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        if condition():
            return
        await asyncio.sleep(0.02)


def _differing(engine: Engine, told: Sequence[AnyEvent]) -> list[str]:
    """The tables that are not as if each event had been told once, in order."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'undisturbed.db'}"
        migrate(url)
        undisturbed = open_engine(url)
        with writing(undisturbed) as connection:
            record(connection, told)
            while settle_accounts(connection):
                pass
        found, wanted = _tables(engine), _tables(undisturbed)
        undisturbed.dispose()
    return [name for name in wanted if found[name] != wanted[name]]


def _tables(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows but the beats of the ledgers themselves."""
    with writing(engine) as connection:
        while settle_accounts(connection):
            pass
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
            if table is not services
        }


async def _remove(connection: AbstractConnection, topology: Topology) -> None:
    channel = await connection.channel()
    for queue in topology.queues():
        await channel.queue_delete(queue.name)
    for exchange in topology.exchanges():
        await channel.exchange_delete(exchange.name)


def main() -> int:
    """Run it; the exit code is 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--amqp-url", required=True, help="a RabbitMQ that may be written to")
    parser.add_argument("--ledger-url", help="an empty database; a new SQLite file by default")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger_url = asked.ledger_url or f"sqlite:///{Path(folder) / 'ledger.db'}"
        outcome = asyncio.run(
            kill_again_and_again(asked.amqp_url, ledger_url, asked.kills, asked.seed, print)
        )
    print(
        f"{outcome.kills} kills, {outcome.midway} of them midway; {outcome.told} events told; "
        f"differing tables: {', '.join(outcome.differing) or 'none'}"
    )
    return 1 if outcome.differing else 0


if __name__ == "__main__":
    sys.exit(main())

"""A whole system of one's own, as `carbon-aware up` runs it, and a day of jobs through it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from day_of_jobs import PlannedJob
from sqlalchemy import Engine, select

from services.cli.endpoints import Endpoints, read_endpoints
from services.watttime_emulator.replay import wall_period
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.domain.bands import Band
from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.reads.query import reading
from shared.ledger.schema import open_engine
from shared.ledger.tables import jobs
from shared.runtime import system_clock

REGION = "CAISO_NORTH"
WHEEL_SLOTS = 288
MARGIN_S = 1.0  # a minute of safety before a latest start, at 60x
BEAT_SECONDS = 2
START_SECONDS, STOP_SECONDS = 120.0, 90.0
LOOK_AGAIN_SECONDS = 0.2
OTHER_SYSTEMS = ("AMQP_URL", "LEDGER_URL", "HANDLERS", "NAMESPACE", "JOBS_FILE", "WATTTIME_")
"""Beginnings of the variables that would point at another system."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What of a system may be chosen.

    Attributes:
        speed: how much faster than it was recorded the grid is replayed.
        start: the recorded time at which the emulator begins; its own choice if None.
        base_consumers: how many jobs each of the two pools runs at once in a medium band.
    """

    speed: float = 60.0
    start: datetime | None = None
    base_consumers: int = 128

    @property
    def period_s(self) -> float:
        """Wall time that a point of the grid lasts."""
        return float(wall_period(self.speed))


class NotInTimeError(Exception):
    """Something that was waited for did not come about."""


@dataclass(frozen=True)
class LiveSystem:
    """A running system.

    Attributes:
        engine: of its ledger.
    """

    endpoints: Endpoints
    engine: Engine

    async def submit(self, day: Sequence[PlannedJob]) -> list[UUID]:
        """Publish each job of a day at its time; returns their ids once the last is confirmed."""
        topology = Topology(regions=(REGION,), wheel_slots=WHEEL_SLOTS)
        publisher = Publisher(self.endpoints.amqp_url, topology, "day of jobs")
        began, began_s = system_clock(), time.monotonic()
        ids: list[UUID] = []
        try:
            for job in day:
                await asyncio.sleep(max(0.0, began_s + job.submitted_s - time.monotonic()))
                ids.append(uuid4())
                await publisher.submit(job.submission(began), message_id=str(ids[-1]))
        finally:
            await publisher.close()
        return ids

    def counts(self) -> reads.JobCounts:
        """How many jobs are in which state."""
        return reads.statistics(self.engine, system_clock()).jobs

    def is_accounted(self) -> bool:
        """Whether every job that succeeded has its grams."""
        query = select(jobs.c.id).where(
            jobs.c.state == State.SUCCEEDED.value, jobs.c.avoided_g.is_(None) | jobs.c.account_due
        )
        with reading(self.engine) as connection:
            return connection.execute(query.limit(1)).first() is None

    def is_ready(self) -> bool:
        """Whether a scheduler leads, the grid is known, and the pools have followed its band."""
        now = system_clock()
        beats = reads.services(self.engine, now)
        leads = any(beat.facts.get("role") == "leader" for beat in beats)
        bands = {size.band for size in reads.pools(self.engine, now, REGION)}
        return leads and bool(bands) and Band.UNKNOWN not in bands


@contextmanager
def running_system(folder: Path, setup: Setup) -> Iterator[LiveSystem]:
    """Start everything but a workload and a dashboard; stop it all at the end.

    Args:
        folder: where all its data go.
        setup: what of it was chosen.

    Raises:
        NotInTimeError: it did not start; the message names the log.
        ConfigurationError: the speed does not divide a point into whole seconds.
    """
    environment = _environment(setup)
    log, data_dir = folder / "up.log", folder / "data"
    command = (sys.executable, "-m", "services.cli", "up", "--no-install", "--no-dashboard")
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--data-dir", str(data_dir)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        endpoints = _started(process, data_dir, log)
        engine = open_engine(endpoints.ledger_url)
        try:
            system = LiveSystem(endpoints, engine)
            wait_until(system.is_ready, START_SECONDS, f"the system is not ready; see {log}")
            yield system
        finally:
            engine.dispose()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()


def wait_until(condition: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Wait for a condition.

    Raises:
        NotInTimeError: it took longer; the message is `otherwise`.
    """
    end_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_s:
            raise NotInTimeError(f"{otherwise} (after {seconds:.0f} s)")
        time.sleep(LOOK_AGAIN_SECONDS)


def _started(process: subprocess.Popen[bytes], data_dir: Path, log: Path) -> Endpoints:
    def told() -> bool:
        return process.poll() is not None or read_endpoints(data_dir) is not None

    wait_until(told, START_SECONDS, f"the system does not start; see {log}")
    endpoints = read_endpoints(data_dir)
    if endpoints is None:
        raise NotInTimeError(f"the system did not start: {log.read_text()[-1000:]}")
    return endpoints


def _environment(setup: Setup) -> dict[str, str]:
    """The machine's own, without what would point at another system."""
    inherited = os.environ  # noqa: TID251 - handed on to the program that is started
    kept = {key: value for key, value in inherited.items() if not key.startswith(OTHER_SYSTEMS)}
    return kept | {
        "PYTHONPATH": str(Path(__file__).parent),
        "HANDLERS": "sleeping_jobs",
        "REGIONS": REGION,
        "WHEEL_SLOTS": str(WHEEL_SLOTS),
        "EMULATOR_SPEED": f"{setup.speed:g}",
        "EMULATOR_START": setup.start.isoformat() if setup.start else "",
        "SLOT_SECONDS": f"{setup.period_s:g}",
        "MARGIN_SECONDS": f"{MARGIN_S:g}",
        "BEAT_SECONDS": str(BEAT_SECONDS),
        "BASE_CONSUMERS": str(setup.base_consumers),
        "NO_COLOR": "1",
    }

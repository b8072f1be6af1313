"""A command line of one's own: an empty folder, no variables, and a ledger with a few jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from services.cli.app import app
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause, Numbers
from shared.domain.savings import EnergyMethod
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobAccepted,
    JobDeferred,
    JobDied,
    JobFailed,
    JobReleased,
    JobStarted,
    JobSucceeded,
    PoolResized,
    ServiceBeat,
)
from shared.runtime import system_clock

REGION = "CAISO_NORTH"
SAVER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
WAITER = UUID("bbbbbbbb-0000-4000-8000-000000000002")
LOSER = UUID("cccccccc-0000-4000-8000-000000000003")
PERIOD_SECONDS = 300.0


@dataclass(frozen=True)
class Story:
    """Events around a moment: one job that waited and saved, one that waits, one that died."""

    now: datetime

    def ago(self, minutes: float) -> datetime:
        return self.now - timedelta(minutes=minutes)

    def job(self, job_id: UUID, minutes: float, job_type: str) -> Job:
        return Job(
            id=job_id,
            type=job_type,
            priority=Priority.NORMAL,
            max_band=Band.LOW,
            submitted_at=self.ago(minutes),
            deadline=self.now + timedelta(hours=2),
            expected_duration_seconds=120.0,
            regions=(REGION,),
            power_watts=250.0,
        )

    def accepted(self, job: Job) -> JobAccepted:
        return JobAccepted(id=uuid4(), at=job.submitted_at, job_id=job.id, job=job)

    def numbers(self, value: float, band: Band, expected: float) -> Numbers:
        return Numbers(
            region=REGION,
            band=band,
            limit=Band.LOW,
            latest_start=self.now + timedelta(hours=1),
            freshness=Freshness.LIVE,
            intensity_g_per_kwh=value,
            index_percent=80.0,
            forecast_age_seconds=12.0,
            window_g_per_kwh=value,
            expected_g_per_kwh=expected,
            expected_saving_g=(value - expected) * 0.00833,
        )

    def deferred(self, job: Job, at: datetime, until: datetime) -> JobDeferred:
        return JobDeferred(
            id=uuid4(),
            at=at,
            job_id=job.id,
            cause=Cause.CLEANER_LATER,
            reason="the grid is 600 g/kWh (very high), and 200 g/kWh is expected later",
            numbers=self.numbers(600.0, Band.VERY_HIGH, 200.0),
            attempts=0,
            deferrals=1,
            promised_g=3.33,
            planned_at=until,
            slot=int(until.timestamp() // PERIOD_SECONDS),
        )

    def released(self, job: Job, at: datetime, deferrals: int) -> JobReleased:
        return JobReleased(
            id=uuid4(),
            at=at,
            job_id=job.id,
            cause=Cause.IN_BAND,
            reason="the grid is 200 g/kWh (low), within its limit low",
            numbers=self.numbers(200.0, Band.LOW, 200.0),
            attempts=0,
            deferrals=deferrals,
            region=REGION,
            lane=Lane.NORMAL,
        )

    def started(self, job: Job, at: datetime) -> JobStarted:
        return JobStarted(
            id=uuid4(),
            at=at,
            job_id=job.id,
            attempt=1,
            pool="host-1",
            region=REGION,
            started_at=at,
        )

    def succeeded(self, job: Job, at: datetime) -> JobSucceeded:
        return JobSucceeded(
            id=uuid4(),
            at=at + timedelta(minutes=2),
            job_id=job.id,
            attempt=1,
            pool="host-1",
            region=REGION,
            started_at=at,
            finished_at=at + timedelta(minutes=2),
            energy_kwh=0.00833,
            energy_method=EnergyMethod.DECLARED,
            result={"epochs": 3},
        )

    def failed(self, job: Job, at: datetime) -> JobFailed:
        return JobFailed(
            id=uuid4(),
            at=at,
            job_id=job.id,
            attempt=1,
            pool="host-1",
            region=REGION,
            started_at=at - timedelta(seconds=30),
            finished_at=at,
            energy_kwh=0.001,
            energy_method=EnergyMethod.DECLARED,
            error="ValueError: no such data set",
        )

    def update(self, at: datetime, value: float, band: Band) -> IntensityUpdated:
        forecast = Forecast(at, at, PERIOD_SECONDS, (value, value, 100.0, 120.0, 500.0))
        reading = Reading(
            REGION, at, PERIOD_SECONDS, Signal.MARGINAL, "watttime", True, value, 80.0
        )
        return IntensityUpdated(
            id=uuid4(),
            at=at,
            reading=reading,
            band=band,
            freshness=Freshness.LIVE,
            forecast=forecast,
            cuts=absolute_cuts(),
        )

    def beat(self, service: str) -> ServiceBeat:
        return ServiceBeat(
            id=uuid4(),
            at=self.now,
            service=service,
            instance="host-1",
            host="host",
            pid=1,
            started_at=self.ago(30),
            interval_seconds=3_600.0,
            facts={"running": 1} if service == "worker_pool" else {"role": "leader"},
        )

    def resized(self) -> PoolResized:
        return PoolResized(
            id=uuid4(),
            at=self.ago(1),
            pool="host-1",
            region=REGION,
            band=Band.LOW,
            factor=1.5,
            consumers=6,
            prefetch=2,
            base_consumers=4,
            base_prefetch=1,
            reason="low band: 1.5 x the base",
        )

    def events(self) -> list[AnyEvent]:
        """Everything, in the order in which it happened."""
        saver = self.job(SAVER, 55, "ml_training")
        waiter = self.job(WAITER, 5, "nightly_report")
        loser = self.job(LOSER, 20, "database_backup")
        dead = JobDied(
            id=uuid4(), at=self.ago(10), job_id=LOSER, attempt=1, error="ValueError: no data"
        )
        return [
            *(self.update(self.ago(m), 600.0, Band.VERY_HIGH) for m in (60, 55, 50, 45)),
            *(self.update(self.ago(m), 200.0, Band.LOW) for m in range(40, -1, -5)),
            self.accepted(saver),
            self.deferred(saver, saver.submitted_at, self.ago(30)),
            self.released(saver, self.ago(30), 1),
            self.started(saver, self.ago(30)),
            self.succeeded(saver, self.ago(30)),
            self.accepted(waiter),
            self.deferred(waiter, waiter.submitted_at, self.now + timedelta(minutes=10)),
            self.accepted(loser),
            self.released(loser, self.ago(20), 0),
            self.failed(loser, self.ago(10)),
            dead,
            *(self.beat(name) for name in ("worker_pool", "scheduler")),
            self.resized(),
        ]


@pytest.fixture
def story() -> Story:
    return Story(system_clock())


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without `.env` and without a running system, and no variables."""
    names = ("AMQP_URL", "LEDGER_URL", "NAMESPACE", "WATTTIME_USERNAME", "WATTTIME_PASSWORD")
    for name in (*names, "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def filled_ledger(empty_folder: Path, story: Story) -> str:
    """A ledger with the story, where the commands look for it."""
    url = "sqlite:///.carbon-aware/ledger.db"
    migrate(url)
    engine = open_engine(url)
    with writing(engine) as connection:
        record(connection, story.events())
    engine.dispose()
    return url


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Run the command line: `cli("status", "--json")`."""

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, list(arguments), **more)  # type: ignore[arg-type]

    return run

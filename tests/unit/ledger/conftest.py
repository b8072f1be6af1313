"""A real SQLite ledger for each test, and a teller of consistent histories."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Engine, select

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause, Numbers
from shared.domain.savings import EnergyMethod
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import metadata
from shared.ledger.writes import record, settle_accounts
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobAccepted,
    JobDeferred,
    JobDied,
    JobExpired,
    JobFailed,
    JobRejected,
    JobReleased,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PoolResized,
    ServiceBeat,
    SlotPlan,
    TimetableUpdated,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGION = "CAISO_NORTH"
_NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Story:
    """Tells events with made-up ids and times in seconds after the start."""

    start = START
    region = REGION

    def __init__(self) -> None:
        self.told = 0

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def job_id(self, number: int) -> UUID:
        return uuid5(_NAMES, f"job {number}")

    def _base(self, seconds: float, **fields: Any) -> dict[str, Any]:
        self.told += 1
        return {"id": uuid5(_NAMES, f"event {self.told}"), "at": self.at(seconds), **fields}

    def accepted(self, job: int, seconds: float, **fields: Any) -> JobAccepted:
        values: dict[str, Any] = {
            "type": "ml_training",
            "priority": Priority.NORMAL,
            "max_band": Band.LOW,
            "deadline": self.at(seconds + 86_400),
            "expected_duration_seconds": 300.0,
            "regions": (REGION,),
            "energy_kwh": 1.0,
        }
        told = Job(id=self.job_id(job), submitted_at=self.at(seconds), **(values | fields))
        return JobAccepted(**self._base(seconds, job_id=told.id), job=told)

    def _decided(self, job: int, seconds: float, **fields: Any) -> dict[str, Any]:
        numbers = Numbers(
            region=REGION,
            band=Band.HIGH,
            limit=Band.LOW,
            latest_start=self.at(80_000),
            freshness=Freshness.LIVE,
            intensity_g_per_kwh=420.0,
            index_percent=71.0,
            forecast_age_seconds=12.0,
            window_g_per_kwh=410.0,
            expected_g_per_kwh=fields.pop("expected", 200.0),
            expected_saving_g=210.0,
        )
        base = self._base(seconds, job_id=self.job_id(job), numbers=numbers, reason="it is dirty")
        return base | {"attempts": 0, "deferrals": 0} | fields

    def deferred(self, job: int, seconds: float, until: float, **fields: Any) -> JobDeferred:
        values = {"cause": Cause.CLEANER_LATER, "planned_at": self.at(until), "slot": int(until)}
        return JobDeferred(**self._decided(job, seconds, **(values | fields)))

    def released(self, job: int, seconds: float, **fields: Any) -> JobReleased:
        values = {"cause": Cause.IN_BAND, "region": REGION, "lane": Lane.NORMAL}
        return JobReleased(**self._decided(job, seconds, **(values | fields)))

    def expired(self, job: int, seconds: float, **fields: Any) -> JobExpired:
        values = {"cause": Cause.DEADLINE_PASSED}
        return JobExpired(**self._decided(job, seconds, **(values | fields)))

    def _attempted(self, job: int, seconds: float, attempt: int, begun: float) -> dict[str, Any]:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt)
        return base | {"pool": "host-1:" + REGION, "region": REGION, "started_at": self.at(begun)}

    def started(self, job: int, seconds: float, attempt: int = 1) -> JobStarted:
        return JobStarted(**self._attempted(job, seconds, attempt, seconds))

    def _finished(
        self, job: int, begun: float, ended: float, attempt: int, energy_kwh: float | None
    ) -> dict[str, Any]:
        method = None if energy_kwh is None else EnergyMethod.DECLARED
        ending = {"finished_at": self.at(ended), "energy_kwh": energy_kwh, "energy_method": method}
        return self._attempted(job, ended, attempt, begun) | ending

    def succeeded(
        self,
        job: int,
        begun: float,
        ended: float,
        *,
        attempt: int = 1,
        energy_kwh: float | None = 1.0,
        result: Any = None,
    ) -> JobSucceeded:
        return JobSucceeded(**self._finished(job, begun, ended, attempt, energy_kwh), result=result)

    def failed(
        self,
        job: int,
        begun: float,
        ended: float,
        *,
        attempt: int = 1,
        energy_kwh: float | None = 1.0,
    ) -> JobFailed:
        finished = self._finished(job, begun, ended, attempt, energy_kwh)
        return JobFailed(**finished, error=f"attempt {attempt} broke", traceback="Traceback ...")

    def retried(self, job: int, seconds: float, attempt: int, until: float) -> JobRetried:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt)
        return JobRetried(**base, not_before=self.at(until))

    def died(self, job: int, seconds: float, attempt: int) -> JobDied:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt)
        return JobDied(**base, error="no attempt is left")

    def rejected(self, seconds: float) -> JobRejected:
        return JobRejected(**self._base(seconds), reason="type: required")

    def intensity(self, seconds: float, g_per_kwh: float | None, **fields: Any) -> IntensityUpdated:
        """An update whose point starts at `seconds`; `told` says when it was told."""
        told_at = fields.pop("told", seconds)
        values = {
            "signal": Signal.MARGINAL,
            "source": "watttime",
            "simulated": False,
            "period_seconds": 300.0,
            "index_percent": 50.0,
            "region": REGION,
        }
        outer = {
            "band": Band.MEDIUM,
            "freshness": Freshness.LIVE,
            "cuts": absolute_cuts(),
            "forecast": None,
            "reason": None,
            "warnings": (),
        }
        outer |= {name: fields.pop(name) for name in list(fields) if name in outer}
        reading = Reading(at=self.at(seconds), intensity_g_per_kwh=g_per_kwh, **(values | fields))
        return IntensityUpdated(**self._base(told_at), reading=reading, **outer)

    def forecast(self, seconds: float, *values: float, period: float = 300.0) -> Forecast:
        return Forecast(self.at(seconds), self.at(seconds), period, values)

    def resized(self, seconds: float, consumers: int, instance: str = "host-1") -> PoolResized:
        return PoolResized(
            **self._base(seconds),
            pool=f"{instance}:{REGION}",
            region=REGION,
            band=Band.LOW,
            factor=1.5,
            consumers=consumers,
            prefetch=2 * consumers,
            base_consumers=4,
            base_prefetch=8,
            reason="the grid is low",
        )

    def timetable(self, seconds: float, *jobs: int, consumers: int | None = 2) -> TimetableUpdated:
        slots = tuple(
            SlotPlan(
                at=self.at(300 * n),
                band=Band.LOW,
                expected_g_per_kwh=100.0 + n,
                jobs=count,
                load_seconds=60.0 * count,
                room_seconds=None if consumers is None else 600.0 - 60.0 * count,
            )
            for n, count in enumerate(jobs)
        )
        return TimetableUpdated(
            **self._base(seconds),
            region=REGION,
            slot_seconds=300.0,
            consumers=consumers,
            backlog_seconds=None if consumers is None else 120.0,
            slots=slots,
        )

    def beat(self, seconds: float, instance: str = "host-1", **facts: Any) -> ServiceBeat:
        return ServiceBeat(
            **self._base(seconds),
            service="worker_pool",
            instance=instance,
            host="host",
            pid=1,
            started_at=START,
            interval_seconds=10.0,
            facts=facts,
        )


Dump = dict[str, list[tuple[Any, ...]]]


class Ledger:
    """A database with tables, and shortcuts to write into it and to see all of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(self, *events: AnyEvent) -> None:
        with writing(self.engine) as connection:
            record(connection, events)

    def settle(self) -> None:
        with writing(self.engine) as connection:
            while settle_accounts(connection):
                pass

    def dump(self) -> Dump:
        """Every row of every table."""
        self.settle()
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }


NewLedger = Callable[[], Ledger]


@pytest.fixture(scope="session")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewLedger]:
    """Makes as many empty ledgers as wanted."""
    folder: Path = tmp_path_factory.mktemp("ledgers")
    template = folder / "template.db"
    migrate(f"sqlite:///{template}")
    made: list[Engine] = []

    def make() -> Ledger:
        path = folder / f"{len(made)}.db"
        shutil.copy(template, path)
        made.append(open_engine(f"sqlite:///{path}"))
        return Ledger(made[-1])

    yield make
    for engine in made:
        engine.dispose()


@pytest.fixture
def ledger(new_ledger: NewLedger) -> Ledger:
    return new_ledger()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture(scope="session")
def new_story() -> Callable[[], Story]:
    return Story


@pytest.fixture
def life(story: Story) -> Sequence[AnyEvent]:
    """A job that is deferred once, fails once and then succeeds, on a known grid."""
    grid = [story.intensity(300 * n, 400.0 - 20 * n) for n in range(10)]
    return [
        *grid,
        story.accepted(1, 10),
        story.deferred(1, 11, until=600, deferrals=1, promised_g=120.0),
        story.released(1, 600, deferrals=1, promised_g=120.0),
        story.started(1, 610),
        story.failed(1, 610, 700, energy_kwh=0.5),
        story.retried(1, 700, 1, until=720),
        story.released(1, 725, attempts=1, deferrals=1, promised_g=120.0),
        story.started(1, 730, attempt=2),
        story.succeeded(1, 730, 1030, attempt=2, energy_kwh=1.0, result={"rows": 3}),
    ]

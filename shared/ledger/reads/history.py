"""What really happened, for a replay: runs that succeeded, and the readings that were observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import Priority, State
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, attempts, jobs, readings

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A job that succeeded, and the attempt that did its work.

    Attributes:
        energy_kwh: of that attempt; None where it was neither measured nor declared.
    """

    id: UUID
    submitted_at: datetime
    deadline: datetime | None
    priority: Priority
    max_band: Band | None
    interruptible: bool
    started_at: datetime
    finished_at: datetime
    energy_kwh: float | None


@dataclass(frozen=True, slots=True)
class ObservedKind:
    """Readings that may be put in one row: of one signal, source and spacing, simulated or not."""

    signal: Signal
    source: str
    simulated: bool
    period_seconds: float
    points: int


def busiest_region(engine: Engine, since: datetime) -> str | None:
    """The region in which most jobs that were submitted since succeeded; None without any."""
    query = (
        select(attempts.c.region)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(_succeeded(since))
        .group_by(attempts.c.region)
        .order_by(func.count().desc(), attempts.c.region)
        .limit(1)
    )
    with reading(engine) as connection:
        return connection.scalar(query)


def finished_runs(engine: Engine, region: str, since: datetime) -> Iterator[FinishedRun]:
    """The jobs that were submitted since and succeeded in a region, by their submission."""
    first_success = select(
        attempts.c.job_id,
        attempts.c.started_at,
        attempts.c.finished_at,
        attempts.c.energy_kwh,
        func.row_number()
        .over(
            partition_by=attempts.c.job_id,
            order_by=(attempts.c.finished_at, attempts.c.attempt),
        )
        .label("place"),
    ).where(attempts.c.outcome == State.SUCCEEDED.value, attempts.c.region == region)
    run = first_success.subquery()
    query = (
        select(
            jobs.c.id,
            jobs.c.submitted_at,
            jobs.c.deadline,
            jobs.c.priority,
            jobs.c.max_band,
            jobs.c.interruptible,
            run.c.started_at,
            run.c.finished_at,
            run.c.energy_kwh,
        )
        .join(run, (run.c.job_id == jobs.c.id) & (run.c.place == 1))
        .where(jobs.c.submitted_at >= since, run.c.finished_at.is_not(None))
        .order_by(jobs.c.submitted_at, jobs.c.id)
    )
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
            yield _run(row)


def observed_kinds(engine: Engine, region: str, since: datetime) -> list[ObservedKind]:
    """The kinds of a region's observed readings in g/kWh, those that cover most time first.

    Among equals marginal comes before average, and real before simulated.
    """
    rows = readings.c
    kind = (rows.signal, rows.source, rows.simulated, rows.period_seconds)
    query = select(*kind, func.count()).where(_observed(region, since)).group_by(*kind)
    with reading(engine) as connection:
        found = [
            ObservedKind(Signal(signal), source, simulated, period_s, count)
            for signal, source, simulated, period_s, count in connection.execute(query)
        ]
    return sorted(found, key=_by_coverage)


def observed_points(
    engine: Engine, region: str, kind: ObservedKind, since: datetime
) -> Iterator[tuple[datetime, float]]:
    """The observed points of one kind in their order: when each starts, and its g/kWh."""
    rows = readings.c
    query = (
        select(rows.at, rows.intensity_g_per_kwh)
        .where(
            _observed(region, since),
            rows.signal == kind.signal.value,
            rows.source == kind.source,
            rows.simulated == kind.simulated,
            rows.period_seconds == kind.period_seconds,
        )
        .order_by(rows.at)
    )
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
            yield row.at, row.intensity_g_per_kwh


def _succeeded(since: datetime) -> ColumnElement[bool]:
    return (attempts.c.outcome == State.SUCCEEDED.value) & (jobs.c.submitted_at >= since)


def _observed(region: str, since: datetime) -> ColumnElement[bool]:
    rows = readings.c
    return (
        (rows.region == region)
        & (rows.at >= since)
        & (rows.freshness == Freshness.LIVE.value)
        & rows.intensity_g_per_kwh.is_not(None)
    )


def _by_coverage(kind: ObservedKind) -> tuple[Any, ...]:
    seconds = kind.points * kind.period_seconds
    return -seconds, kind.signal is not Signal.MARGINAL, kind.simulated, kind.source


def _run(row: AnyRow) -> FinishedRun:
    return FinishedRun(
        id=row.id,
        submitted_at=row.submitted_at,
        deadline=row.deadline,
        priority=Priority(row.priority) if row.priority else Priority.NORMAL,
        max_band=Band(row.max_band) if row.max_band else None,
        interruptible=bool(row.interruptible),
        started_at=row.started_at,
        finished_at=row.finished_at,
        energy_kwh=row.energy_kwh,
    )

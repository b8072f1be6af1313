"""What really happened, for a replay: jobs that succeeded, and the readings that were observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import Priority, State
from shared.domain.savings import Run
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, attempts, jobs, readings
from shared.ledger.writes.work import Work, work_of

ROWS_AT_ONCE = 1000
_OF_THE_JOB = (
    jobs.c.id,
    jobs.c.submitted_at,
    jobs.c.replayed_at,
    jobs.c.replayed_key,
    jobs.c.expected_duration_seconds,
    jobs.c.deadline,
    jobs.c.priority,
    jobs.c.max_band,
    jobs.c.interruptible,
)
_OF_THE_PIECE = (
    attempts.c.attempt,
    attempts.c.piece,
    attempts.c.region,
    attempts.c.outcome,
    attempts.c.started_at,
    attempts.c.finished_at,
    attempts.c.remaining_seconds,
    attempts.c.energy_kwh,
)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A job that succeeded, and the pieces that did its work.

    Attributes:
        submitted_s: from when its account counts (Unix seconds): the replay of a job that died.
        pieces: several where it was paused; a part whose energy was neither measured nor
            declared has None as its energy.
        regions: where the pieces ran.
    """

    id: UUID
    submitted_s: float
    deadline: datetime | None
    priority: Priority
    max_band: Band | None
    interruptible: bool
    pieces: tuple[Run, ...]
    regions: frozenset[str]

    @property
    def energy_kwh(self) -> float | None:
        """Of all pieces; None where that of one is unknown."""
        if any(piece.energy_kwh is None for piece in self.pieces):
            return None
        return sum(piece.energy_kwh for piece in self.pieces)


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
    """The jobs that were submitted since and succeeded in a region, by their submission.

    What did a job's work is told as its account has it, by `work_of`.
    """
    there = select(attempts.c.job_id).where(
        attempts.c.outcome == State.SUCCEEDED.value, attempts.c.region == region
    )
    query = (
        select(*_OF_THE_JOB, *_OF_THE_PIECE)
        .join(attempts, attempts.c.job_id == jobs.c.id)
        .where(
            jobs.c.submitted_at >= since,
            jobs.c.id.in_(there),
            attempts.c.finished_at.is_not(None),
        )
        .order_by(jobs.c.submitted_at, jobs.c.id, attempts.c.attempt, attempts.c.piece)
    )
    with reading(engine) as connection:
        rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query)
        for _, tried in groupby(rows, key=attrgetter("id")):
            pieces = list(tried)
            work = work_of(pieces[0], pieces)
            if work.done and work.done[-1][0] == region:  # its first success was there
                yield _run(pieces[0], work)


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


def _run(job: AnyRow, work: Work) -> FinishedRun:
    return FinishedRun(
        id=job.id,
        submitted_s=work.submitted_s,
        deadline=job.deadline,
        priority=Priority(job.priority) if job.priority else Priority.NORMAL,
        max_band=Band(job.max_band) if job.max_band else None,
        interruptible=bool(job.interruptible),
        pieces=tuple(run for _, run in work.done),
        regions=frozenset(where for where, _ in work.done),
    )

"""Jobs: one by its id, the recent ones, what they saved, and what happened lately."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, select

from shared.domain.bands import Band
from shared.domain.grid import Signal
from shared.domain.jobs import Priority, State
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.errors import NotFound
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, events
from shared.ledger.tables import jobs as job_rows

SHORTEST_PREFIX = 6
_HEX_DIGITS = 32


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it is now; what is not known is None.

    Attributes:
        attempts: how many were begun.
        started_at: its first start.
        planned_at: the slot of its last deferral.
        energy_kwh: of all its attempts, failed ones included.
        wasted_kwh: of the failed ones alone.
        promised_g: the saving that its first decision expected.
        error: of its last failure, unless it succeeded after all.
        simulated: whether the account rests on a simulated grid.
    """

    id: UUID
    type: str | None
    state: State
    attempts: int
    deferrals: int
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    planned_at: datetime | None
    deadline: datetime | None
    energy_kwh: float | None
    energy_method: EnergyMethod | None
    emissions_g: float | None
    baseline_g: float | None
    avoided_g: float | None
    promised_g: float | None
    result: Any
    error: str | None
    priority: Priority | None
    max_band: Band | None
    region: str | None
    lane: str | None
    reason: str | None
    signal: Signal | None
    simulated: bool | None
    intensity_method: IntensityMethod | None
    reference_g: float | None
    wasted_kwh: float | None
    wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class SavingsPoint:
    """The running sums after one more job finished."""

    finished_at: datetime
    emissions_g: float
    baseline_g: float
    avoided_g: float


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened; `body` is the whole message as JSON."""

    id: UUID
    type: str
    job_id: UUID | None
    at: datetime
    body: str


def job_status(engine: Engine, job_id: UUID | str) -> JobStatus:
    """One job by its id, or by the beginning of its id, 6 characters or more.

    Raises:
        NotFound: there is no such job, or more than one.
    """
    with reading(engine) as connection:
        return _status(find_job(connection, job_id))


def recent_jobs(
    engine: Engine,
    *,
    states: Iterable[State] | None = None,
    region: str | None = None,
    limit: int = 50,
) -> list[JobStatus]:
    """The jobs submitted last, newest first."""
    query = select(job_rows).order_by(job_rows.c.submitted_at.desc()).limit(limit)
    if states is not None:
        query = query.where(job_rows.c.state.in_([state.value for state in states]))
    if region is not None:
        query = query.where(job_rows.c.region == region)
    with reading(engine) as connection:
        return [_status(row) for row in connection.execute(query)]


def savings_over_time(
    engine: Engine,
    since: datetime,
    *,
    signal: Signal | None = None,
    simulated: bool | None = None,
    region: str | None = None,
) -> list[SavingsPoint]:
    """Running sums over the jobs that finished since, in their order.

    Give `signal` and `simulated`, as the statistics name them: kinds are not to be summed.
    """
    jobs = job_rows.c
    wanted: list[ColumnElement[bool]] = [jobs.finished_at >= since, jobs.avoided_g.is_not(None)]
    if signal is not None:
        wanted.append(jobs.signal == signal.value)
    if simulated is not None:
        wanted.append(jobs.simulated == simulated)
    if region is not None:
        wanted.append(jobs.region == region)
    query = (
        select(jobs.finished_at, jobs.emissions_g, jobs.baseline_g, jobs.avoided_g)
        .where(*wanted)
        .order_by(jobs.finished_at, jobs.id)
    )
    points: list[SavingsPoint] = []
    emissions = baseline = avoided = 0.0
    with reading(engine) as connection:
        for row in connection.execute(query):
            emissions += row.emissions_g
            baseline += row.baseline_g
            avoided += row.avoided_g
            points.append(SavingsPoint(row.finished_at, emissions, baseline, avoided))
    return points


def recent_events(engine: Engine, limit: int = 50) -> list[EventRow]:
    """What happened last, newest first."""
    query = select(events).order_by(events.c.at.desc()).limit(limit)
    with reading(engine) as connection:
        return [
            EventRow(row.id, row.type, row.job_id, row.at, row.body)
            for row in connection.execute(query)
        ]


def find_job(connection: Connection, job_id: UUID | str) -> AnyRow:
    """A job's row by its id, or by the beginning of its id.

    Raises:
        NotFound: there is no such job, or more than one.
    """
    first, last = _range(job_id)
    query = select(job_rows).where(job_rows.c.id.between(first, last)).limit(2)
    found = connection.execute(query).all()
    if not found:
        raise NotFound(f"the ledger knows no job {job_id}; `carbon-aware watch` shows what arrives")
    if len(found) > 1:
        raise NotFound(f"more than one job begins with {job_id}; give more of its id")
    return found[0]


def _range(job_id: UUID | str) -> tuple[UUID, UUID]:
    """The smallest and the largest id with a beginning; ids sort as their hex digits do."""
    digits = str(job_id).strip().lower().replace("-", "")
    is_hex = bool(digits) and set(digits) <= set("0123456789abcdef")
    if not is_hex or not SHORTEST_PREFIX <= len(digits) <= _HEX_DIGITS:
        raise NotFound(f"{job_id!s} is no job id; give it whole, or {SHORTEST_PREFIX} digits of it")
    return UUID(digits.ljust(_HEX_DIGITS, "0")), UUID(digits.ljust(_HEX_DIGITS, "f"))


def _status(row: AnyRow) -> JobStatus:
    state = State(row.state)
    return JobStatus(
        id=row.id,
        type=row.type,
        state=state,
        attempts=row.attempts,
        deferrals=row.deferrals,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        planned_at=row.planned_at,
        deadline=row.deadline,
        energy_kwh=row.energy_kwh,
        energy_method=EnergyMethod(row.energy_method) if row.energy_method else None,
        emissions_g=row.emissions_g,
        baseline_g=row.baseline_g,
        avoided_g=row.avoided_g,
        promised_g=row.promised_g,
        result=None if row.result is None else json.loads(row.result),
        error=None if state is State.SUCCEEDED else row.error,
        priority=Priority(row.priority) if row.priority else None,
        max_band=Band(row.max_band) if row.max_band else None,
        region=row.region,
        lane=row.lane,
        reason=row.reason,
        signal=Signal(row.signal) if row.signal else None,
        simulated=row.simulated,
        intensity_method=IntensityMethod(row.intensity_method) if row.intensity_method else None,
        reference_g=row.reference_g,
        wasted_kwh=row.wasted_kwh,
        wait_seconds=row.wait_seconds,
    )

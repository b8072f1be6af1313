"""Decisions: why a job runs when it does, and what is planned into which slot."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, func, select, text

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import State
from shared.domain.reasons import Cause
from shared.ledger.decided import told_decisions, told_reason
from shared.ledger.reads.find import find_job
from shared.ledger.reads.query import reading
from shared.ledger.tables import IS_DEFERRED, AnyRow, events, jobs
from shared.ledger.tables import decisions as decision_rows
from shared.ledger.writes import positions

LOOK_BACK = 500
"""Decisions that are looked through for those of one region: bounds how long it takes."""
_STATES = {"deferred": State.DEFERRED, "released": State.READY, "expired": State.EXPIRED}


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision with the numbers that led to it.

    Attributes:
        outcome: `deferred`, `released` or `expired`.
        attempts: runs that had failed before.
        piece: of the next attempt, that it is about.
    """

    at: datetime
    outcome: str
    reason: str
    intensity_g_per_kwh: float | None
    band: Band
    planned_at: datetime | None
    expected_g_per_kwh: float | None
    expected_saving_g: float | None
    latest_start: datetime
    freshness: Freshness
    cause: Cause
    region: str
    lane: str | None
    max_band: Band
    index_percent: float | None
    window_g_per_kwh: float | None
    forecast_age_seconds: float | None
    attempts: int
    deferrals: int
    piece: int


@dataclass(frozen=True, slots=True)
class RecentDecision:
    """A decision with the job that it is about; its type is None while only the id is known."""

    job_id: UUID
    job_type: str | None
    decision: DecisionRow


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """What waits for one slot; energy is the declared energy of the jobs that declare any."""

    planned_at: datetime
    jobs: int
    energy_kwh: float | None
    expected_g_per_kwh: float | None


def decisions(engine: Engine, job_id: UUID | str) -> list[DecisionRow]:
    """Every decision about a job, in the order in which they were made.

    Raises:
        NotFound: there is no such job.
    """
    with reading(engine) as connection:
        job = find_job(connection, job_id)
        query = told_decisions().where(events.c.job_id == job.id)
        rows = sorted(connection.execute(query).all(), key=_order)
    return [decision_of(row) for row in rows]


def last_reasons(connection: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    """The reason of the last decision about each of some jobs, in words."""
    if not ids:
        return {}
    rows = connection.execute(told_decisions().where(events.c.job_id.in_(ids))).all()
    last = {row.job_id: row for row in sorted(rows, key=_order)}
    return {job_id: told_reason(row) for job_id, row in last.items()}


def recent_decisions(
    engine: Engine, *, limit: int = 50, region: str | None = None
) -> list[RecentDecision]:
    """The decisions that were recorded last, of all jobs, newest first.

    Those of one region are sought among the last `LOOK_BACK` ones of all.
    """
    last = limit if region is None else LOOK_BACK
    latest = select(decision_rows.c.place).order_by(decision_rows.c.place.desc()).limit(last)
    query = (
        told_decisions()
        .add_columns(jobs.c.type.label("job_type"))
        .join(jobs, jobs.c.id == events.c.job_id, isouter=True)
        .where(decision_rows.c.place.in_(latest))
        .order_by(decision_rows.c.place.desc())
        .limit(limit)
    )
    if region is not None:
        query = query.where(decision_rows.c.region == region)
    with reading(engine) as connection:
        return [
            RecentDecision(row.job_id, row.job_type, decision_of(row))
            for row in connection.execute(query)
        ]


def planned(engine: Engine, region: str, since: datetime) -> list[PlannedSlot]:
    """The deferred jobs of a region by the time that they wait for, from `since` on."""
    query = (
        select(
            jobs.c.planned_at,
            func.count().label("jobs"),
            func.sum(jobs.c.declared_energy_kwh).label("energy_kwh"),
            func.avg(jobs.c.expected_g_per_kwh).label("expected_g_per_kwh"),
        )
        .where(
            jobs.c.region == region,
            text(IS_DEFERRED),
            jobs.c.planned_at >= since,
        )
        .group_by(jobs.c.planned_at)
        .order_by(jobs.c.planned_at)
    )
    with reading(engine) as connection:
        return [
            PlannedSlot(row.planned_at, row.jobs, row.energy_kwh, row.expected_g_per_kwh)
            for row in connection.execute(query)
        ]


def _order(row: AnyRow) -> str:
    place = positions.sequence(row.attempts, row.deferrals, _STATES[row.outcome])
    return positions.decision_key(place, row.at, row.id)


def decision_of(row: AnyRow) -> DecisionRow:
    """The decision that a row of `told_decisions` is."""
    return DecisionRow(
        at=row.at,
        outcome=row.outcome,
        reason=told_reason(row),
        intensity_g_per_kwh=row.intensity_g_per_kwh,
        band=Band(row.band),
        planned_at=row.planned_at,
        expected_g_per_kwh=row.expected_g_per_kwh,
        expected_saving_g=row.expected_saving_g,
        latest_start=row.latest_start,
        freshness=Freshness(row.freshness),
        cause=Cause(row.cause),
        region=row.region,
        lane=row.lane,
        max_band=Band(row.max_band),
        index_percent=row.index_percent,
        window_g_per_kwh=row.window_g_per_kwh,
        forecast_age_seconds=row.forecast_age_seconds,
        attempts=row.attempts,
        deferrals=row.deferrals,
        piece=row.piece,
    )

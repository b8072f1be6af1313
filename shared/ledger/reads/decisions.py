"""Decisions: why a job runs when it does, and what is planned into which slot."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, func, select, text

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import State
from shared.domain.reasons import Cause
from shared.ledger.event_bodies import whole_body
from shared.ledger.reads.find import find_job
from shared.ledger.reads.query import reading
from shared.ledger.tables import IS_DEFERRED, AnyRow, events, jobs
from shared.ledger.writes import positions
from shared.ledger.writes.claims import outcome_of
from shared.messages import (
    Decided,
    JobDeferred,
    JobExpired,
    JobReleased,
    decode_event,
)

LOOK_BACK = 500
"""Decisions that are looked through for those of one region: bounds how long it takes."""
_NAMES = [kind.model_fields["type"].default for kind in (JobDeferred, JobReleased, JobExpired)]
_OUTCOMES = {State.DEFERRED: "deferred", State.READY: "released", State.EXPIRED: "expired"}


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
        query = _told().where(events.c.job_id == job.id)
        told = [_event(row) for row in connection.execute(query)]
    return [_decision(event) for event in sorted(told, key=_place)]


def recent_decisions(
    engine: Engine, *, limit: int = 50, region: str | None = None
) -> list[RecentDecision]:
    """The decisions that were recorded last, of all jobs, newest first.

    Those of one region are sought among the last `LOOK_BACK` ones of all.
    """
    last = limit if region is None else LOOK_BACK
    rows = _told().order_by(events.c.place.desc()).limit(last).subquery("latest")
    query = (
        select(rows, jobs.c.type.label("job_type"))
        .join(jobs, jobs.c.id == rows.c.job_id, isouter=True)
        .order_by(rows.c.place.desc())
    )
    found: list[RecentDecision] = []
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=limit).execute(query):
            decision = _decision(_event(row))
            if region is None or decision.region == region:
                found.append(RecentDecision(row.job_id, row.job_type, decision))
            if len(found) == limit:
                break
    return found


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


def _told() -> Select[*tuple[Any, ...]]:
    columns = events.c
    wanted = (columns.place, columns.id, columns.job_id, columns.at, columns.body)
    return select(*wanted).where(columns.type.in_(_NAMES))


def _event(row: AnyRow) -> Decided:
    event = decode_event(whole_body(row.body, row.id, row.job_id, row.at).encode())
    if not isinstance(event, Decided):
        raise TypeError(f"{event.type} is no decision")
    return event


def _place(event: Decided) -> tuple[int, datetime]:
    return positions.sequence(event.attempts, event.deferrals, outcome_of(event)), event.at


def _decision(event: Decided) -> DecisionRow:
    numbers = event.numbers
    released = event if isinstance(event, JobReleased) else None
    return DecisionRow(
        at=event.at,
        outcome=_OUTCOMES[outcome_of(event)],
        reason=event.reason,
        intensity_g_per_kwh=numbers.intensity_g_per_kwh,
        band=numbers.band,
        planned_at=event.planned_at if isinstance(event, JobDeferred) else None,
        expected_g_per_kwh=numbers.expected_g_per_kwh,
        expected_saving_g=numbers.expected_saving_g,
        latest_start=numbers.latest_start,
        freshness=numbers.freshness,
        cause=event.cause,
        region=released.region if released else numbers.region,
        lane=released.lane.value if released else None,
        max_band=numbers.limit,
        index_percent=numbers.index_percent,
        window_g_per_kwh=numbers.window_g_per_kwh,
        forecast_age_seconds=numbers.forecast_age_seconds,
        attempts=event.attempts,
        deferrals=event.deferrals,
        piece=event.piece,
    )

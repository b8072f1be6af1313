"""Jobs: one by its id, the recent ones, what they saved, and what happened lately."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    func,
    select,
    type_coerce,
)

from shared.domain.bands import Band
from shared.domain.grid import Signal
from shared.domain.jobs import Priority, State
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.ledger.decided import told, told_body
from shared.ledger.instants import to_microseconds
from shared.ledger.reads.attempts import Piece, pieces_of
from shared.ledger.reads.decisions import last_reasons
from shared.ledger.reads.find import find_job
from shared.ledger.reads.query import reading
from shared.ledger.reads.revisions import AccountRevision, revisions_of
from shared.ledger.tables import AnyRow, events
from shared.ledger.tables import jobs as job_rows

SAVINGS_POINTS = 300
_BETWEEN_PIECES = frozenset({State.DEFERRED, State.READY})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is, as its handler last said.

    Attributes:
        fraction: of the whole job that is done; None where only the message says it.
    """

    fraction: float | None
    message: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it is now; what is not known is None.

    Attributes:
        attempts: how many were begun.
        started_at: its first start.
        planned_at: the slot of its last deferral.
        deadline: its latest finish; that of the last replay where it was replayed.
        energy_kwh: of all its attempts and pieces, failed and cancelled ones included.
        wasted_kwh: of what came to nothing alone.
        reason: of its last decision, in words; None once it has succeeded.
        promised_g: the saving that its first decision expected.
        error: of its last failure, unless it succeeded after all.
        simulated: whether the account rests on a simulated grid.
        account_version: 1 at first; one more each time that the settled account changed.
        account_revisions: what it said before each of those, oldest first.
        piece: of the present attempt, that runs or runs next.
        progress: while it runs, and between the pieces of an attempt; else None.
        pieces: every piece of every attempt, in their order.
        cancelled_by: who called it off; None unless it is cancelled, or nobody said.
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
    piece: int
    progress: Progress | None
    pieces: tuple[Piece, ...]
    cancelled_by: str | None
    cancel_reason: str | None
    replayed_at: datetime | None
    account_version: int
    account_revisions: tuple[AccountRevision, ...]


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
        row = find_job(connection, job_id)
        return statuses(connection, [row])[0]


def savings_over_time(
    engine: Engine,
    since: datetime,
    *,
    signal: Signal | None = None,
    simulated: bool | None = None,
    region: str | None = None,
    points: int = SAVINGS_POINTS,
) -> list[SavingsPoint]:
    """Running sums over the jobs that finished since, at most at so many of their ends.

    Give `signal` and `simulated`, as the statistics name them: kinds are not to be summed. For a
    few days; `report.curves` adds up longer times from whole days.
    """
    rows = job_rows.c
    wanted: list[ColumnElement[bool]] = [rows.finished_at >= since, rows.avoided_g.is_not(None)]
    if signal is not None:
        wanted.append(rows.signal == signal.value)
    if simulated is not None:
        wanted.append(rows.simulated == simulated)
    if region is not None:
        wanted.append(rows.region == region)
    found: list[SavingsPoint] = []
    emissions = baseline = avoided = 0.0
    with reading(engine) as connection:
        last = connection.scalar(select(func.max(rows.finished_at)))
        if last is None or last < since:
            return []
        for row in connection.execute(_in_steps(since, last, points, wanted)):
            emissions += row.emissions_g
            baseline += row.baseline_g
            avoided += row.avoided_g
            found.append(SavingsPoint(row.finished_at, emissions, baseline, avoided))
    return found


def _in_steps(
    since: datetime, last: datetime, points: int, wanted: Sequence[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    """Sums over steps of equal length, each at the end of its last job."""
    span = to_microseconds(last) - to_microseconds(since)
    elapsed = type_coerce(job_rows.c.finished_at, BigInteger) - to_microseconds(since)
    grams = [job_rows.c[name] for name in ("emissions_g", "baseline_g", "avoided_g")]
    place = (elapsed // max(1, span // points)).label("place")
    rows = select(place, job_rows.c.finished_at, *grams).where(*wanted).subquery().c
    sums = [func.sum(rows[column.name]).label(column.name) for column in grams]
    ends = func.max(rows.finished_at).label("finished_at")
    return select(ends, *sums).group_by(rows.place).order_by(rows.place)


def recent_events(engine: Engine, limit: int = 50) -> list[EventRow]:
    """What was recorded last, newest first."""
    query = told().order_by(events.c.place.desc()).limit(limit)
    with reading(engine) as connection:
        return [
            EventRow(row.id, row.type, row.job_id, row.at, told_body(row))
            for row in connection.execute(query)
        ]


def statuses(connection: Connection, rows: Sequence[AnyRow]) -> list[JobStatus]:
    """Rows of the jobs as they are told, with their pieces and the revisions of their accounts."""
    pieces = pieces_of(connection, [row.id for row in rows])
    changed = revisions_of(connection, [row.id for row in rows if row.account_version > 1])
    unsettled = [row.id for row in rows if row.state != State.SUCCEEDED.value]
    reasons = last_reasons(connection, unsettled)
    return [
        _status(row, pieces.get(row.id, ()), changed.get(row.id, ()), reasons.get(row.id))
        for row in rows
    ]


def _status(
    row: AnyRow,
    pieces: tuple[Piece, ...],
    revisions: tuple[AccountRevision, ...],
    reason: str | None,
) -> JobStatus:
    state = State(row.state)
    cancelled = state is State.CANCELLED
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
        deadline=row.replayed_deadline or row.deadline,
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
        reason=reason,
        signal=Signal(row.signal) if row.signal else None,
        simulated=row.simulated,
        intensity_method=IntensityMethod(row.intensity_method) if row.intensity_method else None,
        reference_g=row.reference_g,
        wasted_kwh=row.wasted_kwh,
        wait_seconds=row.wait_seconds,
        piece=row.piece,
        progress=_progress(row, state),
        pieces=pieces,
        cancelled_by=row.cancelled_by if cancelled else None,
        cancel_reason=row.cancel_reason if cancelled else None,
        replayed_at=row.replayed_at,
        account_version=row.account_version,
        account_revisions=revisions,
    )


def _progress(row: AnyRow, state: State) -> Progress | None:
    """What was said in the present attempt; a failed one's progress is no longer true."""
    between = state in _BETWEEN_PIECES and row.piece > 1
    going_on = state in {State.RUNNING, State.PAUSED} or between
    if not going_on or row.progress_at is None or row.progress_attempt != row.attempts:
        return None
    return Progress(row.progress_fraction, row.progress_message, row.progress_at)

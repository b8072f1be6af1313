"""The finished jobs whose whole account is known, job by job: what a look back rests on."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, case, cast, func, select
from sqlalchemy import type_coerce as as_type

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads.query import reading
from shared.ledger.reads.report_rows import Kind
from shared.ledger.tables import AnyRow, attempts, jobs
from shared.ledger.writes.work import Work, work_of

ROWS_AT_ONCE = 1000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A finished job with a whole account.

    Attributes:
        finished_s: when it ended (Unix seconds).
        submitted_s: when its work was submitted, or replayed (Unix seconds).
        deadline_s: its latest finish; None where it was never told.
        work_seconds: how long its work ran without pauses; 0 where nothing came of it.
        work_finished_s: when the work was done; the submission where nothing came of it.
        run_seconds: how long all of its attempts ran.
        work_kwh: the energy of the work, without failed attempts.
        regions: where it might have run, and where it did.
    """

    kind: Kind
    type: str | None
    region: str | None
    priority: str | None
    finished_s: float
    submitted_s: float
    deadline_s: float | None
    work_seconds: float
    work_finished_s: float
    run_seconds: float
    work_kwh: float
    baseline_g: float
    avoided_g: float
    interruptible: bool
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """The work of a job: when it was wanted, how long it took, where it ran."""

    submitted_s: float
    deadline_s: float | None
    work_seconds: float
    finished_s: float
    regions: tuple[str, ...]


def known_jobs(engine: Engine, since: datetime, until: datetime) -> list[KnownJob]:
    """The known jobs that ended from `since` to before `until`.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    with reading(engine) as connection:
        rows = connection.execute(_query(since, until)).all()
        works = _works(connection, [row.id for row in rows if _needs_a_look(row)])
    return [_job(row, works[row.id] if row.id in works else _summed(row)) for row in rows]


def _ended(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    columns = jobs.c
    return (
        columns.state.in_(sorted(state.value for state in FINAL_STATES)),
        columns.finished_at >= since,
        columns.finished_at < until,
        columns.attempts > 0,
        columns.avoided_g.is_not(None),
    )


def _query(since: datetime, until: datetime) -> Any:  # noqa: ANN401 - of some thirty columns
    """A row for each job, with sums over its pieces."""
    tried, columns = attempts.c, jobs.c
    began, ended = (as_type(at, BigInteger) for at in (tried.started_at, tried.finished_at))
    worked = tried.outcome == State.SUCCEEDED.value
    names = ("id", "type", "region", "priority", "signal", "simulated", "interruptible", "regions")
    grams = ("energy_kwh", "wasted_kwh", "baseline_g", "avoided_g")
    instants = ("finished_at", "submitted_at", "deadline", "replayed_at")
    return (
        select(
            *(columns[name] for name in (*names, *grams)),
            *(as_type(columns[name], BigInteger).label(name) for name in instants),
            # PostgreSQL sums whole numbers to decimals.
            cast(func.sum(ended - began), BigInteger).label("run"),
            func.sum(case((worked, 1), else_=0)).label("successes"),
            func.sum(case((tried.outcome == "paused", 1), else_=0)).label("pauses"),
            cast(func.sum(case((worked, ended - began), else_=0)), BigInteger).label("work"),
            func.max(case((worked, ended))).label("work_finished"),
            func.max(case((worked, tried.region))).label("work_region"),
        )
        .join(attempts, tried.job_id == columns.id)
        .where(*_ended(since, until), tried.finished_at.is_not(None))
        .group_by(columns.id)
    )


def _needs_a_look(row: AnyRow) -> bool:
    """Whether sums do not say which of its pieces were work: pauses, replays, two successes."""
    return bool(row.successes > 1 or row.pauses or row.replayed_at is not None)


def _works(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, _Done]:
    """What the pieces of the jobs that need a look were."""
    found: dict[UUID, _Done] = {}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        pieces = select(attempts).where(
            attempts.c.job_id.in_(some), attempts.c.finished_at.is_not(None)
        )
        tried: dict[UUID, list[AnyRow]] = defaultdict(list)
        for piece in connection.execute(pieces.order_by(attempts.c.attempt, attempts.c.piece)):
            tried[piece.job_id].append(piece)
        for job in connection.execute(select(jobs).where(jobs.c.id.in_(some))):
            found[job.id] = _done(job, work_of(job, tried[job.id]))
    return found


def _done(job: AnyRow, work: Work) -> _Done:
    again = job.replayed_at is not None and work.submitted_s == job.replayed_at.timestamp()
    deadline = (job.replayed_deadline if again else None) or job.deadline
    return _Done(
        submitted_s=work.submitted_s,
        deadline_s=None if deadline is None else deadline.timestamp(),
        work_seconds=sum(run.finished_s - run.started_s for _, run in work.done),
        finished_s=max((run.finished_s for _, run in work.done), default=work.submitted_s),
        regions=tuple(region for region, _ in work.done),
    )


def _summed(row: AnyRow) -> _Done:
    """The same from the sums, of a job whose one success is its work."""
    submitted_s = row.submitted_at / _SECOND
    return _Done(
        submitted_s=submitted_s,
        deadline_s=None if row.deadline is None else row.deadline / _SECOND,
        work_seconds=row.work / _SECOND,
        finished_s=row.work_finished / _SECOND if row.successes else submitted_s,
        regions=(row.work_region,) if row.successes else (),
    )


def _job(row: AnyRow, done: _Done) -> KnownJob:
    allowed = json.loads(row.regions) if row.regions else ()
    return KnownJob(
        kind=(Signal(row.signal), row.simulated),
        type=row.type,
        region=row.region,
        priority=row.priority,
        finished_s=row.finished_at / _SECOND,
        submitted_s=done.submitted_s,
        deadline_s=done.deadline_s,
        work_seconds=done.work_seconds,
        work_finished_s=done.finished_s,
        run_seconds=row.run / _SECOND,
        work_kwh=row.energy_kwh - row.wasted_kwh,
        baseline_g=row.baseline_g,
        avoided_g=row.avoided_g,
        interruptible=bool(row.interruptible),
        regions=tuple(sorted({*allowed, *done.regions})),
    )

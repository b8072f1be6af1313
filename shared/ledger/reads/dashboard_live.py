"""What the live page draws beside the grid: deadlines ahead, and what waited when."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, func, select

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, decisions, jobs

_OPEN = tuple(state.value for state in State if state not in FINAL_STATES)
_FINAL = tuple(state.value for state in State if state in FINAL_STATES)


@dataclass(frozen=True, slots=True)
class DeadlineCount:
    """How many unfinished jobs have to be done by one moment."""

    at: datetime
    jobs: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many jobs wait from a moment on.

    Attributes:
        deferred: for a cleaner grid.
        ready: for a free place in a pool.
    """

    at: datetime
    deferred: int
    ready: int


@dataclass(frozen=True, slots=True)
class AvoidedSum:
    """What jobs that finished in a span avoided, of one signal, simulated or not.

    Attributes:
        avoided_g: 0.0 where no job finished, None where of none it is known.
        baseline_g: the same jobs run at their submission.
        unknown_jobs: finished jobs that are not counted in.
    """

    avoided_g: float | None
    baseline_g: float | None
    jobs: int
    unknown_jobs: int


def deadlines(engine: Engine, region: str, since: datetime, until: datetime) -> list[DeadlineCount]:
    """The deadlines of a region's unfinished jobs in a span, in their order."""
    deadline = func.coalesce(jobs.c.replayed_deadline, jobs.c.deadline)
    query = (
        select(deadline.label("at"), func.count().label("jobs"))
        .where(
            jobs.c.region == region,
            jobs.c.state.in_(_OPEN),
            deadline >= since,
            deadline <= until,
        )
        .group_by(deadline)
        .order_by(deadline)
    )
    with reading(engine) as connection:
        return [DeadlineCount(row.at, row.jobs) for row in connection.execute(query)]


def waiting_since(engine: Engine, region: str | None, since: datetime) -> list[Waiting]:
    """How many jobs waited for their first start, from each change of it on.

    A job waits for a cleaner grid from its submission to its last release, and then for a place.
    """
    released = (
        select(decisions.c.job_id, func.max(decisions.c.at).label("at"))
        .where(decisions.c.outcome == "released", decisions.c.at >= since)
        .group_by(decisions.c.job_id)
        .subquery()
    )
    query = (
        select(
            jobs.c.submitted_at,
            jobs.c.started_at,
            jobs.c.finished_at,
            jobs.c.state,
            released.c.at.label("released_at"),
        )
        .join(released, released.c.job_id == jobs.c.id, isouter=True)
        .where(
            jobs.c.submitted_at.is_not(None),
            jobs.c.state.in_(_OPEN) | (jobs.c.finished_at >= since),
        )
    )
    if region is not None:
        query = query.where(jobs.c.region == region)
    changes: Counter[tuple[datetime, str]] = Counter()
    with reading(engine) as connection:
        for row in connection.execute(query):
            for what, begins, ends in _waits(row, since):
                changes[begins, what] += 1
                if ends is not None:
                    changes[ends, what] -= 1
    return _summed(changes)


def avoided_since(
    engine: Engine,
    since: datetime,
    *,
    signal: Signal | None,
    simulated: bool | None,
    region: str | None = None,
) -> AvoidedSum:
    """What the jobs that ran and finished since avoided; kinds of signal are not mixed."""
    known = jobs.c.avoided_g.is_not(None)
    kind = known & (jobs.c.signal == (signal.value if signal else None))
    kind &= jobs.c.simulated == simulated
    query = select(
        func.count().label("finished"),
        _over(kind, jobs.c.avoided_g).label("avoided_g"),
        _over(kind, jobs.c.baseline_g).label("baseline_g"),
        func.count(case((kind, 1))).label("counted"),
    ).where(jobs.c.finished_at >= since, jobs.c.state.in_(_FINAL), jobs.c.attempts > 0)
    if region is not None:
        query = query.where(jobs.c.region == region)
    with reading(engine) as connection:
        row = connection.execute(query).one()
    none_finished = row.finished == 0
    return AvoidedSum(
        avoided_g=0.0 if none_finished else row.avoided_g,
        baseline_g=0.0 if none_finished else row.baseline_g,
        jobs=row.counted,
        unknown_jobs=row.finished - row.counted,
    )


def _over(kind: ColumnElement[bool], column: ColumnElement[float | None]) -> ColumnElement[Any]:
    return func.sum(case((kind, column)))


def _waits(row: AnyRow, since: datetime) -> Iterator[tuple[str, datetime, datetime | None]]:
    """What a job waited for, from when until when; None where it still does."""
    begins, left = max(row.submitted_at, since), row.started_at or row.finished_at
    if left is not None and left < since:
        return
    if row.released_at is not None:
        handed_over = max(row.released_at, begins)
    elif row.started_at is not None or row.state == State.READY.value:
        handed_over = begins  # it was released before
    else:
        handed_over = left
    if left is not None and handed_over is not None:
        handed_over = min(handed_over, left)
    is_back = left is None and row.state != State.READY.value
    if is_back:  # released once, and deferred again
        handed_over = None
    yield "deferred", begins, handed_over
    if handed_over is not None:
        yield "ready", handed_over, left


def _summed(changes: Counter[tuple[datetime, str]]) -> list[Waiting]:
    steps: list[Waiting] = []
    sums = {"deferred": 0, "ready": 0}
    for (at, what), change in sorted(changes.items()):
        sums[what] += change
        if steps and steps[-1].at == at:
            steps.pop()
        steps.append(Waiting(at, sums["deferred"], sums["ready"]))
    return steps

"""What the live page draws beside the grid: deadlines ahead, and what waited when."""

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Engine, and_, case, func, select, text, type_coerce

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.contributions import PER_GRAM
from shared.ledger.instants import from_microseconds, to_microseconds
from shared.ledger.reads.contributed import contributed
from shared.ledger.reads.query import reading, total
from shared.ledger.tables import NOT_SUCCEEDED, AnyRow, jobs
from shared.ledger.writes.positions import released_at_us

_OPEN = tuple(state.value for state in State if state not in FINAL_STATES)
MOST_STEPS = 1000
"""More changes of what waits than a chart has points beside each other."""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than anything ends."""


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
            text(NOT_SUCCEEDED),
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

    A job waits for a cleaner grid from its submission to its release, and then for a place. Of more
    than `MOST_STEPS` changes those are left out that another one follows shortly.
    """
    rows = jobs.c
    instants = (
        type_coerce(rows[name], BigInteger).label(name)
        for name in ("submitted_at", "started_at", "finished_at")
    )
    query = select(*instants, rows.state, rows.decision_key).where(
        rows.submitted_at.is_not(None),
        (text(NOT_SUCCEEDED) & rows.state.in_(_OPEN)) | (rows.finished_at >= since),
    )
    if region is not None:
        query = query.where(rows.region == region)
    changes = array("q")
    since_us = to_microseconds(since)
    with reading(engine) as connection:
        for row in connection.execute(query):
            changes.extend(_changes(row, since_us))
    return _summed(np.frombuffer(changes, np.int64).reshape(-1, 3))


def avoided_since(
    engine: Engine,
    since: datetime,
    *,
    signal: Signal | None,
    simulated: bool | None,
    region: str | None = None,
) -> AvoidedSum:
    """What the jobs that ran and finished since avoided; kinds of signal are not mixed."""
    rows = contributed(since, FOREVER).c
    kind = and_(rows.signal == (signal.value if signal else ""), rows.simulated == simulated)
    sums = [
        total(case((kind, rows[name]), else_=0)).label(name)
        for name in ("known_jobs", "avoided_micrograms", "baseline_micrograms")
    ]
    query = select(total(rows.ran_jobs).label("finished"), *sums)
    if region is not None:
        query = query.where(rows.region == region)
    with reading(engine) as connection:
        row = connection.execute(query).one()
    known, finished = int(row.known_jobs or 0), int(row.finished or 0)
    is_known = known > 0 or finished == 0
    return AvoidedSum(
        avoided_g=(row.avoided_micrograms or 0.0) / PER_GRAM if is_known else None,
        baseline_g=(row.baseline_micrograms or 0.0) / PER_GRAM if is_known else None,
        jobs=known,
        unknown_jobs=finished - known,
    )


def _changes(row: AnyRow, since_us: int) -> tuple[int, ...]:
    """What a job changes: each time an instant, and by how much what is deferred and ready."""
    begins, left = max(row.submitted_at, since_us), row.started_at or row.finished_at
    if left is not None and left < since_us:
        return ()
    released = released_at_us(row.decision_key) if row.decision_key else None
    if left is None and row.state != State.READY.value:
        return (begins, 1, 0)  # it still waits for a cleaner grid, or again
    if released is not None:
        handed_over = max(released, begins)
    else:  # it was released before that time, or never
        was_released = row.started_at is not None or row.state == State.READY.value
        handed_over = begins if was_released else left
    if left is None:
        return (begins, 1, 0, handed_over, -1, 1)
    return (begins, 1, 0, min(handed_over, left), -1, 1, left, 0, -1)


def _summed(changes: NDArray[np.int64]) -> list[Waiting]:
    ordered = changes[np.argsort(changes[:, 0], kind="stable")]
    instants, deferred, ready = ordered[:, 0], *np.cumsum(ordered[:, 1:], axis=0).T
    # Of several changes at one instant the last sum holds.
    places = np.flatnonzero(np.diff(instants, append=np.iinfo(np.int64).max))
    return [
        Waiting(from_microseconds(int(instants[place])), int(deferred[place]), int(ready[place]))
        for place in _thinned(instants, places)
    ]


def _thinned(instants: NDArray[np.int64], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first of some places, and the last within each of so many spans of equal length."""
    if len(places) <= MOST_STEPS:
        return places
    elapsed = instants[places] - instants[0]
    spans = elapsed * (MOST_STEPS - 1) // (elapsed[-1] + 1)
    kept: NDArray[np.bool_] = np.diff(spans, append=MOST_STEPS) > 0
    kept[0] = True
    return np.compress(kept, places)

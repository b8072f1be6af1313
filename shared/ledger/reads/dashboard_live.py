"""What the live page draws beside the grid: deadlines ahead, and what waited when."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, and_, case, func, select, text

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.contributions import PER_GRAM
from shared.ledger.reads.contributed import contributed
from shared.ledger.reads.query import reading, total
from shared.ledger.tables import NOT_SUCCEEDED, AnyRow, events, jobs

_OPEN = tuple(state.value for state in State if state not in FINAL_STATES)
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

    A job waits for a cleaner grid from its submission to its last release, and then for a place.
    """
    released = (
        select(func.max(events.c.at))
        .where(
            events.c.job_id == jobs.c.id, events.c.type == "job.released.v1", events.c.at >= since
        )
        .correlate(jobs)
        .scalar_subquery()
    )
    query = select(
        jobs.c.submitted_at,
        jobs.c.started_at,
        jobs.c.finished_at,
        jobs.c.state,
        released.label("released_at"),
    ).where(
        jobs.c.submitted_at.is_not(None),
        (text(NOT_SUCCEEDED) & jobs.c.state.in_(_OPEN)) | (jobs.c.finished_at >= since),
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

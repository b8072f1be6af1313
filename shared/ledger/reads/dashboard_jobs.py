"""Jobs as a table: filtered, newest first, one page after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select, true

from shared.domain.jobs import FINAL_STATES, Priority, State
from shared.domain.savings import EnergyMethod
from shared.ledger.reads.find import SHORTEST_PREFIX, id_range
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, jobs

ROWS_AT_ONCE = 1000
_ESCAPE = "\\"
_COLUMNS = (
    jobs.c.id,
    jobs.c.type,
    jobs.c.state,
    jobs.c.priority,
    jobs.c.region,
    jobs.c.submitted_at,
    jobs.c.planned_at,
    jobs.c.started_at,
    jobs.c.finished_at,
    func.coalesce(jobs.c.replayed_deadline, jobs.c.deadline).label("deadline"),
    jobs.c.attempts,
    jobs.c.deferrals,
    jobs.c.progress_fraction,
    jobs.c.progress_attempt,
    jobs.c.energy_kwh,
    jobs.c.energy_method,
    jobs.c.emissions_g,
    jobs.c.baseline_g,
    jobs.c.avoided_g,
    jobs.c.promised_g,
    jobs.c.simulated,
    jobs.c.error,
)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; what is empty or None leaves none out.

    Attributes:
        text: a part of the type or of the last error, or the beginning of the id.
        since: submitted no earlier.
    """

    states: tuple[State, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[Priority, ...] = ()
    regions: tuple[str, ...] = ()
    text: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the table: just before or after one job."""

    submitted_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as a line of the table; what is not known is None.

    Attributes:
        progress_fraction: of the attempt that runs; None where its handler said nothing.
        deadline: that of the last replay where it was replayed.
    """

    id: UUID
    type: str | None
    state: State
    priority: Priority | None
    region: str | None
    submitted_at: datetime
    planned_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    deadline: datetime | None
    attempts: int
    deferrals: int
    progress_fraction: float | None
    energy_kwh: float | None
    energy_method: EnergyMethod | None
    emissions_g: float | None
    baseline_g: float | None
    avoided_g: float | None
    promised_g: float | None
    simulated: bool | None
    error: str | None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some lines, newest first.

    Attributes:
        newer: whether there are lines before these.
        older: whether there are lines after these.
    """

    lines: tuple[JobLine, ...]
    newer: bool
    older: bool


def job_lines(
    engine: Engine,
    wanted: JobFilter,
    *,
    limit: int,
    before: Mark | None = None,
    after: Mark | None = None,
) -> JobPage:
    """One page of the jobs that are wanted; without a mark the newest ones.

    Args:
        engine: the ledger.
        wanted: which jobs.
        limit: most lines.
        before: only jobs that were submitted before this one; the next page of older ones.
        after: only jobs that were submitted after this one; the page of newer ones next to it.
    """
    at, number = jobs.c.submitted_at, jobs.c.id
    query = _wanted(wanted)
    if after is not None:
        query = query.where(
            at >= after.submitted_at, or_(at > after.submitted_at, number > after.id)
        )
        query = query.order_by(at, number)
    else:
        if before is not None:
            query = query.where(
                at <= before.submitted_at, or_(at < before.submitted_at, number < before.id)
            )
        query = query.order_by(at.desc(), number.desc())
    with reading(engine) as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
    more, lines = len(rows) > limit, [_line(row) for row in rows[:limit]]
    if after is not None:
        return JobPage(tuple(reversed(lines)), newer=more, older=True)
    return JobPage(tuple(lines), newer=before is not None, older=more)


def all_job_lines(engine: Engine, wanted: JobFilter, *, limit: int) -> Iterator[JobLine]:
    """The jobs that are wanted, newest first, read as they are used."""
    query = _wanted(wanted).order_by(jobs.c.submitted_at.desc(), jobs.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
            yield _line(row)


def job_types(engine: Engine, since: datetime) -> list[str]:
    """The types of the jobs that were submitted since, by name."""
    query = select(jobs.c.type).where(jobs.c.submitted_at >= since).distinct()
    with reading(engine) as connection:
        return sorted(kind for kind in connection.scalars(query) if kind is not None)


def _wanted(wanted: JobFilter) -> Select[*tuple[object, ...]]:
    among = (
        (jobs.c.state, tuple(state.value for state in wanted.states)),
        (jobs.c.type, wanted.types),
        (jobs.c.priority, tuple(priority.value for priority in wanted.priorities)),
        (jobs.c.region, wanted.regions),
    )
    conditions: list[ColumnElement[bool]] = [
        column.in_(values) for column, values in among if values
    ]
    conditions.append(jobs.c.submitted_at.is_not(None))
    if wanted.since is not None:
        conditions.append(jobs.c.submitted_at >= wanted.since)
    if wanted.text.strip():
        conditions.append(_says(wanted.text.strip()))
    return select(*_COLUMNS).where(and_(true(), *conditions))


def _says(text: str) -> ColumnElement[bool]:
    escaped = text.replace(_ESCAPE, _ESCAPE * 2)
    for sign in "%_":
        escaped = escaped.replace(sign, _ESCAPE + sign)
    part = f"%{escaped}%"
    found = [jobs.c.type.ilike(part, escape=_ESCAPE), jobs.c.error.ilike(part, escape=_ESCAPE)]
    ids = id_range(text) if len(text) >= SHORTEST_PREFIX else None
    if ids is not None:
        found.append(jobs.c.id.between(*ids))
    return or_(*found)


def _line(row: AnyRow) -> JobLine:
    state = State(row.state)
    of_this_attempt = row.progress_attempt == row.attempts and state not in FINAL_STATES
    return JobLine(
        id=row.id,
        type=row.type,
        state=state,
        priority=Priority(row.priority) if row.priority else None,
        region=row.region,
        submitted_at=row.submitted_at,
        planned_at=row.planned_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        deadline=row.deadline,
        attempts=row.attempts,
        deferrals=row.deferrals,
        progress_fraction=row.progress_fraction if of_this_attempt else None,
        energy_kwh=row.energy_kwh,
        energy_method=EnergyMethod(row.energy_method) if row.energy_method else None,
        emissions_g=row.emissions_g,
        baseline_g=row.baseline_g,
        avoided_g=row.avoided_g,
        promised_g=row.promised_g,
        simulated=row.simulated,
        error=None if state is State.SUCCEEDED else row.error,
    )

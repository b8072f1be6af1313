"""Jobs as a table: filtered, newest first, each page from where the last one ended.

A page costs as much at the end of a million jobs as at their beginning: it starts from the last
row's place, never from a count of rows to skip. Jobs of whose submission nothing was heard yet
have no place in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    TextClause,
    select,
    text,
)

from shared.domain.jobs import FINAL_STATES, Priority, State
from shared.domain.savings import EnergyMethod
from shared.ledger.contributions import NOT_ENDED
from shared.ledger.instants import EPOCH
from shared.ledger.reads.find import id_range
from shared.ledger.reads.jobs import JobStatus, statuses
from shared.ledger.reads.query import reading
from shared.ledger.tables import HAS_FAILED, NOT_SUCCEEDED, AnyRow, daily, jobs

ROWS_AT_ONCE = 1000
_FAILED = jobs.alias("failed")
_ESCAPE = "\\"
Condition = ColumnElement[bool] | TextClause
JobRows = Select[*tuple[Any, ...]]


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
    with reading(engine) as connection:
        rows = _walk(connection, wanted, limit + 1, before, after)
    more, lines = len(rows) > limit, [_line(row) for row in rows[:limit]]
    if after is not None:
        return JobPage(tuple(reversed(lines)), newer=more, older=True)
    return JobPage(tuple(lines), newer=before is not None, older=more)


def all_job_lines(engine: Engine, wanted: JobFilter, *, limit: int) -> Iterator[JobLine]:
    """The jobs that are wanted, newest first, read as they are used."""
    mark: Mark | None = None
    with reading(engine) as connection:
        while limit > 0:
            rows = _walk(connection, wanted, min(limit, ROWS_AT_ONCE), mark)
            yield from map(_line, rows)
            if len(rows) < ROWS_AT_ONCE:
                return
            limit -= len(rows)
            mark = Mark(rows[-1].submitted_at, rows[-1].id)


def recent_jobs(
    engine: Engine,
    *,
    states: Iterable[State] = (),
    region: str | None = None,
    limit: int = 50,
) -> list[JobStatus]:
    """The jobs submitted last, newest first."""
    wanted = JobFilter(states=tuple(states), regions=() if region is None else (region,))
    with reading(engine) as connection:
        return statuses(connection, _walk(connection, wanted, limit))


def job_types(engine: Engine, since: datetime) -> list[str]:
    """The types of the jobs that have not ended, or not before that day, by name."""
    days = (daily.c.day == NOT_ENDED) | (daily.c.day >= (since - EPOCH).days)
    query = select(daily.c.type).where(days, daily.c.type != "").distinct()
    with reading(engine) as connection:
        return sorted(connection.scalars(query))


def _walk(
    connection: Connection,
    wanted: JobFilter,
    limit: int,
    before: Mark | None = None,
    after: Mark | None = None,
) -> list[AnyRow]:
    """The next rows from a mark on; each choice is one walk along an index, in that order."""
    found: dict[UUID, AnyRow] = {}
    for walked, conditions in _choices(connection, wanted):
        query = select(jobs)
        if walked is not jobs:
            query = query.join(walked, walked.c.id == jobs.c.id)
        query = query.where(walked.c.submitted_at.is_not(None), *conditions)
        query = _from(query, walked, before, after).limit(limit)
        found |= {row.id: row for row in connection.execute(query)}
    rows = sorted(found.values(), key=lambda row: (row.submitted_at, row.id))
    return rows[:limit] if after is not None else rows[::-1][:limit]


def _from(query: JobRows, walked: FromClause, before: Mark | None, after: Mark | None) -> JobRows:
    at, number = walked.c.submitted_at, walked.c.id
    if after is not None:
        beyond = (at > after.submitted_at) | (number > after.id)
        return query.where(at >= after.submitted_at, beyond).order_by(at, number)
    if before is not None:
        beyond = (at < before.submitted_at) | (number < before.id)
        query = query.where(at <= before.submitted_at, beyond)
    return query.order_by(at.desc(), number.desc())


def _choices(
    connection: Connection, wanted: JobFilter
) -> Iterator[tuple[FromClause, Sequence[Condition]]]:
    """Tables to walk along, with conditions, that together choose what is wanted.

    Several states or types in one query would be collected whole and sorted first.
    """
    same: list[Condition] = []
    if wanted.priorities:
        same.append(jobs.c.priority.in_([each.value for each in wanted.priorities]))
    if wanted.regions:
        same.append(jobs.c.region.in_(wanted.regions))
    if wanted.since is not None:
        same.append(jobs.c.submitted_at >= wanted.since)
    words = wanted.text.strip()
    for conditions in _stated(connection, wanted, words):
        yield jobs, [*same, *conditions]
    if words:
        yield _FAILED, [*same, *_failed(wanted, words)]


def _stated(connection: Connection, wanted: JobFilter, words: str) -> Iterator[Sequence[Condition]]:
    """By state, type and what the text says of them."""
    named = list(_named(connection, wanted, words))
    for state in wanted.states or (None,):
        of_state = [] if state is None else _in_state(state)
        yield from ([*of_state, *conditions] for conditions in named)


def _failed(wanted: JobFilter, words: str) -> Iterator[Condition]:
    """By what the text says of errors: the index of those is walked alone, without its jobs."""
    yield text(" AND ".join(f"{_FAILED.name}.{each}" for each in HAS_FAILED.split(" AND ")))
    yield _fails_with(words)
    if wanted.since is not None:
        yield _FAILED.c.submitted_at >= wanted.since
    if wanted.types:
        yield jobs.c.type.in_(wanted.types)
    if wanted.states:
        yield jobs.c.state.in_([state.value for state in wanted.states])


def _in_state(state: State) -> list[Condition]:
    exactly: list[Condition] = [jobs.c.state == state.value]
    # The index of states leaves out the most frequent one, which needs none.
    return exactly if state is State.SUCCEEDED else [*exactly, text(NOT_SUCCEEDED)]


def _named(connection: Connection, wanted: JobFilter, words: str) -> Iterator[Sequence[Condition]]:
    """By type, and by what the text says of type or id."""
    if not words:
        yield from ([jobs.c.type == each] for each in wanted.types)
        if not wanted.types:
            yield []
        return
    ids = id_range(words)
    if ids is not None:
        of_types = [jobs.c.type.in_(wanted.types)] if wanted.types else []
        yield [*of_types, jobs.c.id.between(*ids)]
    for name in connection.scalars(select(daily.c.type).distinct().order_by(daily.c.type)):
        if words.lower() in name.lower() and name in (wanted.types or (name,)):
            yield [jobs.c.type == name]


def _fails_with(words: str) -> ColumnElement[bool]:
    escaped = words.replace(_ESCAPE, _ESCAPE * 2)
    for sign in "%_":
        escaped = escaped.replace(sign, _ESCAPE + sign)
    return _FAILED.c.error.ilike(f"%{escaped}%", escape=_ESCAPE)


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
        deadline=row.replayed_deadline or row.deadline,
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

"""Pages of jobs: chosen by what they are, the latest first, each page where the last one ended.

A page costs as much at the end of a million jobs as at their beginning: it starts from the last
row's place, never from a count of rows to skip.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, TextClause, select, text

from shared.domain.jobs import Priority, State
from shared.ledger.reads.find import id_range
from shared.ledger.reads.jobs import JobStatus, statuses
from shared.ledger.reads.query import reading
from shared.ledger.tables import NOT_SUCCEEDED, AnyRow, daily, jobs

AnySelect = Select[*tuple[Any, ...]]
Condition = ColumnElement[bool] | TextClause


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is None (or empty) is not asked about.

    Attributes:
        words: the beginning of an id, 6 digits or more, or a part of the name of a type.
    """

    states: frozenset[State] = frozenset()
    type: str | None = None
    priority: Priority | None = None
    region: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the submission and the id of its last job.

    Attributes:
        submitted_at: None for jobs of whose submission nothing was heard; they come last.
    """

    submitted_at: datetime | None
    job_id: UUID


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, and where the next page begins; None after the last one."""

    jobs: tuple[JobStatus, ...]
    following: Place | None


def job_page(
    engine: Engine,
    wanted: JobFilter = JobFilter(),
    *,
    after: Place | None = None,
    limit: int = 50,
    oldest_first: bool = False,
) -> JobPage:
    """A page of jobs by their submission.

    Args:
        engine: of the ledger.
        wanted: which jobs.
        after: the end of the page before; None for the first page.
        limit: most jobs of a page.
        oldest_first: else the latest come first.
    """
    dated: list[AnyRow] = []
    undated: list[AnyRow] = []
    with reading(engine) as connection:
        for chosen in _choices(connection, wanted):
            if after is None or after.submitted_at is not None:
                query = _dated(chosen, after, oldest_first=oldest_first)
                dated += connection.execute(query.limit(limit + 1))
            undated += connection.execute(_undated(chosen, after).limit(limit + 1))
        dated.sort(key=lambda row: (row.submitted_at, row.id), reverse=not oldest_first)
        rows = [*dated, *sorted(undated, key=lambda row: row.id)]
        shown = rows[:limit]
        told = statuses(connection, shown)
    last = Place(shown[-1].submitted_at, shown[-1].id) if len(rows) > limit else None
    return JobPage(tuple(told), last)


def recent_jobs(
    engine: Engine,
    *,
    states: Iterable[State] | None = None,
    region: str | None = None,
    limit: int = 50,
) -> list[JobStatus]:
    """The jobs submitted last, newest first."""
    wanted = JobFilter(frozenset(states or ()), region=region)
    return list(job_page(engine, wanted, limit=limit).jobs)


def _choices(connection: Connection, wanted: JobFilter) -> Iterator[list[Condition]]:
    """Conditions of which each is one walk along an index, in the order of submission.

    Several states or types in one query would be collected whole and sorted first.
    """
    same: list[Condition] = []
    if wanted.priority is not None:
        same.append(jobs.c.priority == wanted.priority.value)
    if wanted.region is not None:
        same.append(jobs.c.region == wanted.region)
    for state in sorted(wanted.states) or (None,):
        for named in _named(connection, wanted):
            yield [*same, *_in_state(state), *named]


def _in_state(state: State | None) -> list[Condition]:
    if state is None:
        return []
    exactly: list[Condition] = [jobs.c.state == state.value]
    # The index of states leaves out the most frequent one, which needs none.
    return exactly if state is State.SUCCEEDED else [*exactly, text(NOT_SUCCEEDED)]


def _named(connection: Connection, wanted: JobFilter) -> Iterator[list[Condition]]:
    """By type, and by words; none where no type has them in its name."""
    words = wanted.words.strip()
    exactly: list[Condition] = [] if wanted.type is None else [jobs.c.type == wanted.type]
    if not words:
        yield exactly
        return
    ids = id_range(words)
    if ids is not None:
        yield [*exactly, jobs.c.id.between(*ids)]
    for name in connection.scalars(select(daily.c.type).distinct().order_by(daily.c.type)):
        if words.lower() in name.lower():
            yield [*exactly, jobs.c.type == name]


def _dated(chosen: Sequence[Condition], after: Place | None, *, oldest_first: bool) -> AnySelect:
    at, job_id = jobs.c.submitted_at, jobs.c.id
    query = select(jobs).where(at.is_not(None), *chosen)
    order = (at, job_id) if oldest_first else (at.desc(), job_id.desc())
    query = query.order_by(*order)
    if after is None or after.submitted_at is None:
        return query
    if oldest_first:
        beyond = (at > after.submitted_at) | (job_id > after.job_id)
        return query.where(at >= after.submitted_at, beyond)
    beyond = (at < after.submitted_at) | (job_id < after.job_id)
    return query.where(at <= after.submitted_at, beyond)


def _undated(chosen: Sequence[Condition], after: Place | None) -> AnySelect:
    query = select(jobs).where(jobs.c.submitted_at.is_(None), *chosen).order_by(jobs.c.id)
    if after is None or after.submitted_at is not None:
        return query
    return query.where(jobs.c.id > after.job_id)

"""What a prune may take: jobs that are over, and readings that no other job needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.tables import jobs

CARRIED = timedelta(days=1)
"""How long before a job its first reading may lie: 13 periods of an hour and some."""
_FINAL = tuple(state.value for state in FINAL_STATES)
Where = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Holder:
    """A job that began before the readings that were to go, and has not ended.

    Its account will need them if it ever ends. One whose message was lost never does.

    Attributes:
        began_at: when it was submitted, or first heard of.
    """

    job_id: UUID
    state: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingsLimit:
    """Readings before it may go.

    Attributes:
        held_by: the job for which more stay than was wanted, if that may never change.
    """

    before: datetime
    held_by: Holder | None = None


def readings_limit(
    connection: Connection, jobs_before: datetime, wanted: datetime
) -> ReadingsLimit:
    """Up to when readings may go: as wanted, yet none that a kept job needs."""
    began = func.coalesce(jobs.c.submitted_at, jobs.c.started_at, jobs.c.state_at)
    query = select(jobs.c.id, jobs.c.state, jobs.c.finished_at, began.label("began_at"))
    first = connection.execute(
        query.where(is_kept(jobs_before)).order_by(began, jobs.c.id).limit(1)
    ).one_or_none()
    if first is None:
        return ReadingsLimit(wanted)
    holds = first.finished_at is None and first.began_at < wanted
    holder = Holder(first.id, first.state, first.began_at) if holds else None
    return ReadingsLimit(min(wanted, first.began_at - CARRIED), holder)


def count_dead(connection: Connection, jobs_before: datetime) -> int:
    """How many of the jobs that may go are dead."""
    dead = jobs.c.state == State.DEAD.value
    query = select(func.count()).select_from(jobs).where(is_old(jobs_before), dead)
    return connection.scalar(query) or 0


def is_old(before: datetime) -> Where:
    """A job that may go."""
    return and_(jobs.c.finished_at < before, jobs.c.state.in_(_FINAL), ~jobs.c.account_due)


def is_kept(before: datetime) -> Where:
    """The opposite; a comparison with nothing is neither true nor false in SQL."""
    return or_(
        jobs.c.finished_at.is_(None),
        jobs.c.finished_at >= before,
        jobs.c.state.not_in(_FINAL),
        jobs.c.account_due,
    )

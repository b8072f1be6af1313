"""What waits where, as the ledger knows it, and the messages that were no jobs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, select, text

from shared.domain.jobs import State
from shared.ledger.reads.query import reading
from shared.ledger.tables import NOT_SUCCEEDED, jobs, rejections

_WAITING = (State.SUBMITTED, State.DEFERRED, State.READY, State.RETRYING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """Jobs in one state, of one region and lane.

    Attributes:
        region: None before a decision placed them.
        lane: of the ready queue; None elsewhere.
        since: since when the one that is there longest has been in that state.
    """

    state: State
    region: str | None
    lane: str | None
    jobs: int
    since: datetime


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    """A message that was no valid job; `job_id` is None where it had none."""

    at: datetime
    job_id: UUID | None
    reason: str


def waiting_jobs(engine: Engine, region: str | None = None) -> list[WaitingJobs]:
    """What has not begun, by state, region and lane, in the order of a job's life."""
    rows = jobs.c
    keys = (rows.state, rows.region, rows.lane)
    query = (
        select(*keys, func.count().label("jobs"), func.min(rows.state_at).label("since"))
        .where(text(NOT_SUCCEEDED), rows.state.in_([state.value for state in _WAITING]))
        .group_by(*keys)
    )
    if region is not None:
        query = query.where(rows.region == region)
    with reading(engine) as connection:
        found = [
            WaitingJobs(
                State(row.state),
                row.region,
                row.lane if row.state == State.READY.value else None,
                row.jobs,
                row.since,
            )
            for row in connection.execute(query)
        ]
    return sorted(found, key=_place)


def _place(row: WaitingJobs) -> tuple[int, str, str]:
    return _WAITING.index(row.state), row.region or "", row.lane or ""


def rejected_messages(engine: Engine, limit: int = 50) -> list[RejectedMessage]:
    """The messages that were rejected last, newest first."""
    query = select(rejections).order_by(rejections.c.at.desc()).limit(limit)
    with reading(engine) as connection:
        return [
            RejectedMessage(row.at, row.job_id, row.reason) for row in connection.execute(query)
        ]

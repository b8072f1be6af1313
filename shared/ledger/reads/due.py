"""What is due when, and what left its slot before its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, func, select, text

from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.decided import told_decisions
from shared.ledger.reads.decisions import DecisionRow, decision_of
from shared.ledger.reads.query import reading
from shared.ledger.tables import NOT_SUCCEEDED, decisions, events, jobs

_OPEN = sorted(state.value for state in State if state not in FINAL_STATES)
RELEASES_SEARCHED = 2000
"""Of the latest decisions so many are looked at for early ones: it bounds the time of the read."""


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job that is not over.

    Attributes:
        planned_at: the slot that it waits for; None unless it is deferred.
        deadline: its latest finish.
    """

    id: UUID
    type: str | None
    state: State
    planned_at: datetime | None
    deadline: datetime
    expected_duration_seconds: float | None


@dataclass(frozen=True, slots=True)
class EarlyRelease:
    """A job that was released before the slot that it had been planned into.

    Attributes:
        planned_at: when its slot would have begun.
        decision: that released it.
    """

    job_id: UUID
    job_type: str | None
    planned_at: datetime
    decision: DecisionRow


def due_jobs(engine: Engine, region: str, limit: int = 50) -> list[DueJob]:
    """A region's jobs that are not over, the next deadline first."""
    rows = jobs.c
    deadline = func.coalesce(rows.replayed_deadline, rows.deadline, type_=rows.deadline.type)
    query = (
        select(
            rows.id,
            rows.type,
            rows.state,
            rows.planned_at,
            deadline.label("due"),
            rows.expected_duration_seconds,
        )
        .where(
            rows.region == region,
            text(NOT_SUCCEEDED),
            rows.state.in_(_OPEN),
            deadline.is_not(None),
        )
        .order_by(deadline, rows.id)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [
            DueJob(
                id=row.id,
                type=row.type,
                state=State(row.state),
                planned_at=row.planned_at if row.state == State.DEFERRED.value else None,
                deadline=row.due,
                expected_duration_seconds=row.expected_duration_seconds,
            )
            for row in connection.execute(query)
        ]


def early_releases(
    engine: Engine, region: str, since: datetime, slot_seconds: float, limit: int = 20
) -> list[EarlyRelease]:
    """The latest jobs that were released a slot or more before their time, newest first."""
    latest = select(decisions.c.place).order_by(decisions.c.place.desc()).limit(RELEASES_SEARCHED)
    # With as many deferrals as now, the job was not deferred again since.
    same = (jobs.c.id == events.c.job_id) & (jobs.c.deferrals == decisions.c.deferrals)
    query = (
        told_decisions()
        .add_columns(jobs.c.type.label("job_type"), jobs.c.planned_at.label("slot_at"))
        .join(jobs, same)
        .where(
            decisions.c.place.in_(latest),
            decisions.c.outcome == "released",
            decisions.c.region == region,
            events.c.at >= since,
            jobs.c.deferrals > 0,
            jobs.c.planned_at > events.c.at,
        )
        .order_by(decisions.c.place.desc())
    )
    slot = timedelta(seconds=slot_seconds)
    found: list[EarlyRelease] = []
    with reading(engine) as connection:
        for row in connection.execute(query):
            if row.slot_at - row.at >= slot:
                released = decision_of(row)
                found.append(EarlyRelease(row.job_id, row.job_type, row.slot_at, released))
            if len(found) == limit:
                break
    return found

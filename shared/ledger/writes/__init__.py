"""Write what happened: idempotent, and in any order."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, select, text

from shared.ledger.event_bodies import stored_body
from shared.ledger.tables import ABOUT_NO_JOB, audit, rejections
from shared.ledger.tables import events as event_rows
from shared.ledger.writes.accounts import settle_accounts
from shared.ledger.writes.grid import (
    record_beats,
    record_grids,
    record_pools,
    record_timetables,
)
from shared.ledger.writes.jobs import record_jobs
from shared.ledger.writes.upsert import Row, insert_new
from shared.messages import (
    AnyEvent,
    ControlTaken,
    Event,
    IntensityUpdated,
    JobEvent,
    JobProgressed,
    JobRejected,
    JobReplayed,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
    encode,
    message_name,
)

__all__ = ["record", "settle_accounts"]

MOST_AT_ONCE = 1000
"""Events whose rows are merged together; bounds memory and the length of statements."""

ONLY_THE_LATEST = (JobProgressed, ServiceBeat, TimetableUpdated)
"""Events that tell how things are: of each kind the next one replaces the last."""

REPLAY = "replay"
"""The action of a replayed dead job, beside those of control messages."""

E = TypeVar("E", bound=Event)


def record(connection: Connection, events: Sequence[AnyEvent]) -> None:
    """Record events, each once, whatever their order; the caller begins and commits.

    Accounts that follow from them are worked out too, up to a bound; `settle_accounts` does the
    rest. A beat, a timetable or a job's progress only replaces the one before it.
    """
    for start in range(0, len(events), MOST_AT_ONCE):
        _record(connection, events[start : start + MOST_AT_ONCE])
    settle_accounts(connection)


def _record(connection: Connection, told: Sequence[AnyEvent]) -> None:
    events = _new(connection, told)
    kept = [_event(event) for event in events if not isinstance(event, ONLY_THE_LATEST)]
    insert_new(connection, event_rows, kept)
    record_jobs(connection, _of(events, JobEvent))
    record_grids(connection, _of(events, IntensityUpdated))
    record_pools(connection, _of(events, PoolResized))
    record_beats(connection, _of(events, ServiceBeat))
    record_timetables(connection, _of(events, TimetableUpdated))
    insert_new(connection, rejections, [_rejection(e) for e in _of(events, JobRejected)])
    insert_new(connection, audit, [_taken(e) for e in _of(events, ControlTaken)])
    insert_new(connection, audit, [_replayed(e) for e in _of(events, JobReplayed)])


def _new(connection: Connection, told: Sequence[AnyEvent]) -> list[AnyEvent]:
    """The events that were not recorded before, each once."""
    by_id = {event.id: event for event in reversed(told)}
    rows = event_rows.c
    jobs = {job_id for event in told if (job_id := _job_of(event)) is not None}
    others = [event.id for event in told if _job_of(event) is None]
    of_jobs = select(rows.id).where(rows.job_id.in_(jobs))
    of_none = select(rows.id).where(text(ABOUT_NO_JOB), rows.id.in_(others))
    for query, asked in ((of_jobs, jobs), (of_none, others)):
        for event_id in connection.scalars(query) if asked else ():
            by_id.pop(event_id, None)
    return list(reversed(by_id.values()))


def _of(events: Sequence[AnyEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _job_of(event: Event) -> UUID | None:
    job_id: UUID | None = getattr(event, "job_id", None)
    return job_id


def _event(event: Event) -> Row:
    job_id = _job_of(event)
    body = stored_body(encode(event).decode(), event.id, job_id, event.at)
    return {
        "id": event.id,
        "type": message_name(event),
        "job_id": job_id,
        "at": event.at,
        "body": body,
    }


def _rejection(event: JobRejected) -> Row:
    return {"event_id": event.id, "at": event.at, "job_id": event.job_id, "reason": event.reason}


def _taken(event: ControlTaken) -> Row:
    return {
        "event_id": event.id,
        "at": event.at,
        "action": event.action.value,
        "job_id": event.job_id,
        "scope": event.scope,
        "by": event.by,
    }


def _replayed(event: JobReplayed) -> Row:
    """A replay is asked of the command line alone, which tells of it with this event."""
    return {
        "event_id": event.id,
        "at": event.at,
        "action": REPLAY,
        "job_id": event.job_id,
        "scope": f"job {event.job_id}",
        "by": event.by,
    }

"""Write what happened: idempotent, and in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, func, select, text

from shared.ledger.decided import decision_row, stored_event
from shared.ledger.shape import Row
from shared.ledger.tables import ABOUT_NO_JOB, audit, decisions, rejections
from shared.ledger.tables import events as event_rows
from shared.ledger.upsert import among, insert, insert_new
from shared.ledger.writes.accounts import settle_accounts
from shared.ledger.writes.grid import (
    record_beats,
    record_grids,
    record_pools,
    record_revisions,
    record_timetables,
)
from shared.ledger.writes.jobs import record_jobs
from shared.ledger.writes.retention import without_pruned
from shared.messages import (
    AnyEvent,
    ControlTaken,
    Decided,
    Event,
    IntensityRevised,
    IntensityUpdated,
    JobEvent,
    JobProgressed,
    JobRejected,
    JobReplayed,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
    message_name,
)

__all__ = ["Told", "record", "record_told", "settle_accounts", "tell"]

MOST_AT_ONCE = 2000
"""Events whose rows are merged together; bounds memory and the length of statements."""

ONLY_THE_LATEST = (JobProgressed, ServiceBeat, TimetableUpdated)
"""Events that tell how things are: of each kind the next one replaces the last."""

REPLAY = "replay"
"""The action of a replayed dead job, beside those of control messages."""

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Told:
    """An event, made ready to be recorded.

    Attributes:
        body: what is kept of its text; None of one of which only the latest is kept.
    """

    event: AnyEvent
    body: bytes | None


def tell(event: AnyEvent) -> Told:
    """Make an event ready: the part of the work that needs no database."""
    is_kept = not isinstance(event, ONLY_THE_LATEST)
    return Told(event, stored_event(event) if is_kept else None)


def record(connection: Connection, events: Sequence[AnyEvent], now: datetime | None = None) -> int:
    """Record events, each once, whatever their order; the caller begins and commits.

    Accounts that follow from them are worked out too, up to a bound; `settle_accounts` does the
    rest. A beat, a timetable or a job's progress only replaces the one before it.

    Args:
        connection: in a transaction.
        events: of any kinds.
        now: dates the revisions of accounts; None takes the time of the latest recorded event.

    Returns:
        How many came too late: their job was pruned, so they change nothing.
    """
    return record_told(connection, [tell(event) for event in events], now)


def record_told(connection: Connection, told: Sequence[Told], now: datetime | None = None) -> int:
    """Record events that were made ready before; all else as `record`."""
    late = 0
    for start in range(0, len(told), MOST_AT_ONCE):
        late += _record(connection, told[start : start + MOST_AT_ONCE], now)
    settle_accounts(connection, now)
    return late


def _record(connection: Connection, told: Sequence[Told], now: datetime | None) -> int:
    wanted = without_pruned(connection, [each.event for each in told])
    events = _new(connection, wanted)
    _keep(connection, events, {each.event.id: each.body for each in told})
    # The grid first: what it says of jobs that end in this batch is in their first accounts.
    record_grids(connection, _of(events, IntensityUpdated))
    record_revisions(connection, _of(events, IntensityRevised))
    record_jobs(connection, _of(events, JobEvent), now)
    record_pools(connection, _of(events, PoolResized))
    record_beats(connection, _of(events, ServiceBeat))
    record_timetables(connection, _of(events, TimetableUpdated))
    insert_new(connection, rejections, [_rejection(e) for e in _of(events, JobRejected)])
    insert_new(connection, audit, [_taken(e) for e in _of(events, ControlTaken)])
    insert_new(connection, audit, [_replayed(e) for e in _of(events, JobReplayed)])
    return len(told) - len(wanted)


def _new(connection: Connection, wanted: Sequence[AnyEvent]) -> list[AnyEvent]:
    """The events that were not recorded before, each once."""
    by_id = {event.id: event for event in reversed(wanted)}
    rows = event_rows.c
    jobs = {job_id for event in wanted if (job_id := _job_of(event)) is not None}
    of_jobs = [event.id for event in wanted if _job_of(event) is not None]
    others = [event.id for event in wanted if _job_of(event) is None]
    known_of_jobs = select(rows.id).where(
        among(connection, rows.job_id, jobs), among(connection, rows.id, of_jobs)
    )
    known_of_none = select(rows.id).where(text(ABOUT_NO_JOB), among(connection, rows.id, others))
    for query, asked in ((known_of_jobs, of_jobs), (known_of_none, others)):
        for event_id in connection.scalars(query) if asked else ():
            by_id.pop(event_id, None)
    return list(reversed(by_id.values()))


def _keep(
    connection: Connection, events: Sequence[AnyEvent], bodies: Mapping[UUID, bytes | None]
) -> None:
    """The events themselves, and the numbers of those that are decisions."""
    last = connection.scalar(select(func.max(event_rows.c.place))) or 0
    kept = ((event, body) for event in events if (body := bodies[event.id]) is not None)
    placed = [(place, event, body) for place, (event, body) in enumerate(kept, last + 1)]
    insert(connection, event_rows, [_event(*each) for each in placed])
    decided = ((place, event) for place, event, _ in placed if isinstance(event, Decided))
    rows = [{"place": place, **decision_row(event)} for place, event in decided]
    insert(connection, decisions, rows)


def _of(events: Sequence[AnyEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _job_of(event: Event) -> UUID | None:
    job_id: UUID | None = getattr(event, "job_id", None)
    return job_id


def _event(place: int, event: Event, body: bytes) -> Row:
    return {
        "place": place,
        "id": event.id,
        "type": message_name(event),
        "job_id": _job_of(event),
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

"""Write what happened: idempotent, and in any order."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, func, select, text

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
from shared.ledger.writes.retention import pruned_jobs, pruned_so_far
from shared.ledger.writes.told import Told, tell
from shared.messages import (
    AnyEvent,
    ControlTaken,
    Event,
    IntensityRevised,
    IntensityUpdated,
    JobRejected,
    JobReplayed,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
)

__all__ = ["Told", "record", "record_told", "settle_accounts", "tell"]

MOST_AT_ONCE = 2000
"""Events whose rows are merged together; bounds memory and the length of statements."""

REPLAY = "replay"
"""The action of a replayed dead job, beside those of control messages."""

E = TypeVar("E", bound=Event)


def record(
    connection: Connection,
    events: Sequence[AnyEvent],
    now: datetime | None = None,
    *,
    readings_before: datetime | None = None,
) -> int:
    """Record events, each once, whatever their order; the caller begins and commits.

    Accounts that follow from them are worked out too, up to a bound; `settle_accounts` does the
    rest. A beat, a timetable or a job's progress only replaces the one before it.

    Args:
        connection: in a transaction.
        events: of any kinds.
        now: dates the revisions of accounts; None takes the time of the latest recorded event.
        readings_before: earlier readings were pruned, and none is kept whatever is told of them;
            None takes the limit of the last prune.

    Returns:
        How many came too late: their job was pruned, so they change nothing.
    """
    told = [tell(event) for event in events]
    return record_told(connection, told, now, readings_before=readings_before)


def record_told(
    connection: Connection,
    told: Sequence[Told],
    now: datetime | None = None,
    *,
    readings_before: datetime | None = None,
) -> int:
    """Record events that were made ready before; all else as `record`."""
    pruned, late = pruned_so_far(connection), 0
    if pruned is not None and readings_before is None:
        readings_before = pruned.readings_before
    for start in range(0, len(told), MOST_AT_ONCE):
        some = told[start : start + MOST_AT_ONCE]
        gone = pruned_jobs(connection, [each.event for each in some], pruned)
        wanted = [each for each in some if each.job_id not in gone] if gone else some
        _record(connection, wanted, now, readings_before)
        late += len(some) - len(wanted)
    settle_accounts(connection, now)
    return late


def _record(
    connection: Connection,
    wanted: Sequence[Told],
    now: datetime | None,
    readings_before: datetime | None,
) -> None:
    new = _new(connection, wanted)
    _keep(connection, new)
    events = [told.event for told in new]
    # The grid first: what it says of jobs that end in this batch is in their first accounts.
    record_grids(connection, _of(events, IntensityUpdated), readings_before)
    record_revisions(connection, _of(events, IntensityRevised), readings_before)
    record_jobs(connection, new, now)
    record_pools(connection, _of(events, PoolResized))
    record_beats(connection, _of(events, ServiceBeat))
    record_timetables(connection, _of(events, TimetableUpdated))
    insert_new(connection, rejections, [_rejection(e) for e in _of(events, JobRejected)])
    insert_new(connection, audit, [_taken(e) for e in _of(events, ControlTaken)])
    insert_new(connection, audit, [_replayed(e) for e in _of(events, JobReplayed)])


def _new(connection: Connection, wanted: Sequence[Told]) -> list[Told]:
    """The events that were not recorded before, each once."""
    by_id = {told.event.id: told for told in reversed(wanted)}
    rows = event_rows.c
    jobs = {told.job_id for told in wanted if told.job_id is not None}
    of_jobs = [told.event.id for told in wanted if told.job_id is not None]
    others = [told.event.id for told in wanted if told.job_id is None]
    known_of_jobs = select(rows.id).where(
        among(connection, rows.job_id, jobs), among(connection, rows.id, of_jobs)
    )
    known_of_none = select(rows.id).where(text(ABOUT_NO_JOB), among(connection, rows.id, others))
    for query, asked in ((known_of_jobs, of_jobs), (known_of_none, others)):
        for event_id in connection.scalars(query) if asked else ():
            by_id.pop(event_id, None)
    return list(reversed(by_id.values()))


def _keep(connection: Connection, new: Sequence[Told]) -> None:
    """The events themselves, and the numbers of those that are decisions."""
    last = connection.scalar(select(func.max(event_rows.c.place))) or 0
    kept, decided = [], []
    for told in new:
        if told.row is not None:
            last += 1
            kept.append({"place": last, **told.row})
            if told.decision is not None:
                decided.append({"place": last, **told.decision})
    insert(connection, event_rows, kept)
    insert(connection, decisions, decided)


def _of(events: Sequence[AnyEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


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
    """Who asks for the replay of a dead job tells of it with this event."""
    return {
        "event_id": event.id,
        "at": event.at,
        "action": REPLAY,
        "job_id": event.job_id,
        "scope": f"job {event.job_id}",
        "by": event.by,
    }

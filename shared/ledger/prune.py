"""Delete what is older than its retention, in pieces that let others write in between.

A finished job goes with all its rows and events. Readings go when they are old and no kept job
needs them, and with them the updates that told of them. What no event can bring back, such as
roll-ups, is left alone.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from shared.domain.jobs import State
from shared.ledger.prune_limits import Holder, is_kept, is_old, readings_limit
from shared.ledger.tables import (
    account_revisions,
    attempts,
    audit,
    decisions,
    events,
    grids,
    jobs,
    pool_sizes,
    readings,
    rejections,
)
from shared.ledger.writes.retention import PRUNE, PruneNote, note_prune, pruned_so_far

JOBS_AT_ONCE = 200
ROWS_AT_ONCE = 2_000
PLACES_AT_ONCE = 10_000
AHEAD = timedelta(hours=1)
"""How far a source's clock may be ahead, so that a point begins after it was told."""
_OF_READINGS = ("intensity.updated.v1", "intensity.revised.v1")
"""Events that go with the readings that they told of, not with the jobs."""
Where = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows of each table go."""

    jobs: int = 0
    attempts: int = 0
    decisions: int = 0
    events: int = 0
    readings: int = 0
    pool_sizes: int = 0
    rejections: int = 0
    audit: int = 0
    account_revisions: int = 0

    def plus(self, table: Table, count: int) -> "Deleted":
        """With more rows of one table."""
        more: dict[str, int] = {table.name: asdict(self)[table.name] + count}
        return replace(self, **more)


class Pruning:
    """One prune: call `step` in one transaction after the other until it returns False.

    The limits are noted in the first of them, so that nothing told late of a deleted job can bring
    it back.

    Attributes:
        deleted: so far.
        dead_jobs: how many of the deleted jobs were dead; whoever replays one finds no history.
        held_by: why older readings stay than was wanted, if that may never change.
    """

    def __init__(self, note: PruneNote) -> None:
        """Prepare; `note` says how far, and what the audit is to say."""
        self._note = note
        self._stages: list[Callable[[Connection], int]] = [
            self._begin,
            self._jobs,
            lambda c: self._some(c, pool_sizes, _old_pool_size(self.jobs_before)),
            lambda c: self._some(c, rejections, rejections.c.at < self.jobs_before),
            lambda c: self._some(c, audit, _old_audit(self.jobs_before)),
            self._limit_readings,
            lambda c: self._some(c, readings, readings.c.at < self.readings_before),
            lambda c: self._sweep(c, _loose_event(self.jobs_before)),
            self._sweep_again,
            lambda c: self._sweep(c, _old_update(self.readings_before)),
        ]
        self._swept_to = 0
        self.deleted = Deleted()
        self.dead_jobs = 0
        self.held_by: Holder | None = None

    @property
    def jobs_before(self) -> datetime:
        """Jobs that ended earlier go."""
        return self._note.pruned.jobs_before

    @property
    def readings_before(self) -> datetime:
        """Earlier readings go."""
        return self._note.pruned.readings_before or self.jobs_before

    def step(self, connection: Connection) -> bool:
        """Delete one piece; False when nothing is left."""
        while self._stages:
            if self._stages[0](connection):
                return True
            self._stages.pop(0)
        return False

    def _begin(self, connection: Connection) -> int:
        """Limits only move forward: what an earlier prune deleted stays unwanted."""
        before = pruned_so_far(connection)
        if before is not None:
            pruned = self._note.pruned
            farthest = max(before.jobs_before, pruned.jobs_before)
            self._note = replace(self._note, pruned=replace(pruned, jobs_before=farthest))
        start = replace(
            self._note.pruned, readings_before=before.readings_before if before else None
        )
        note_prune(connection, replace(self._note, pruned=start))
        return 0

    def _jobs(self, connection: Connection) -> int:
        query = select(jobs.c.id, jobs.c.state).where(is_old(self.jobs_before))
        some = connection.execute(query.order_by(jobs.c.finished_at).limit(JOBS_AT_ONCE)).all()
        ids = [row.id for row in some]
        self.dead_jobs += sum(row.state == State.DEAD.value for row in some)
        self._delete(connection, decisions, _of_event(events.c.job_id.in_(ids)))
        for table in (attempts, events, audit, account_revisions):
            self._delete(connection, table, table.c.job_id.in_(ids))
        self._delete(connection, jobs, jobs.c.id.in_(ids))
        return len(ids)

    def _limit_readings(self, connection: Connection) -> int:
        found = readings_limit(connection, self.jobs_before, self.readings_before)
        limit, self.held_by = found.before, found.held_by
        before = pruned_so_far(connection)
        if before is not None and before.readings_before is not None:
            limit = max(limit, before.readings_before)
        pruned = replace(self._note.pruned, readings_before=limit)
        self._note = replace(self._note, pruned=pruned)
        note_prune(connection, self._note)
        return 0

    def _some(self, connection: Connection, table: Table, where: Where) -> int:
        keys = list(table.primary_key)
        some = select(*keys).where(where).limit(ROWS_AT_ONCE)
        return self._delete(connection, table, _key(table).in_(some))

    def _sweep(self, connection: Connection, where: Where) -> int:
        """Walk through the events as they were recorded, so many places at a time."""
        ends = connection.execute(select(func.min(events.c.place), func.max(events.c.place))).one()
        first = max(ends[0] or 0, self._swept_to)
        if ends[1] is None or first > ends[1]:
            return 0
        self._swept_to = first + PLACES_AT_ONCE
        here = and_(where, events.c.place >= first, events.c.place < self._swept_to)
        self._delete(connection, decisions, _of_event(here))
        self._delete(connection, events, here)
        return PLACES_AT_ONCE

    def _sweep_again(self, connection: Connection) -> int:
        del connection
        self._swept_to = 0
        return 0

    def _delete(self, connection: Connection, table: Table, where: Where) -> int:
        count = connection.execute(delete(table).where(where)).rowcount
        self.deleted = self.deleted.plus(table, count)
        return count


def survey(connection: Connection, jobs_before: datetime, readings_before: datetime) -> Deleted:
    """How much a prune would delete now."""
    readings_before = readings_limit(connection, jobs_before, readings_before).before
    old = is_old(jobs_before)
    found = Deleted(jobs=_count(connection, jobs, old))
    for own in (attempts, events, account_revisions):
        found = found.plus(own, _count(connection, own, _of_job(own, old)))
    loose = or_(_loose_event(jobs_before), _old_update(readings_before))
    of_old = or_(_of_job(events, old), loose)
    others: tuple[tuple[Table, Where], ...] = (
        (decisions, _of_event(of_old)),
        (events, and_(loose, ~_of_job(events, old))),
        (readings, readings.c.at < readings_before),
        (pool_sizes, _old_pool_size(jobs_before)),
        (rejections, rejections.c.at < jobs_before),
        (audit, or_(_old_audit(jobs_before), _of_job(audit, old))),
    )
    for table, where in others:
        found = found.plus(table, _count(connection, table, where))
    return found


def _of_job(table: Table, where: Where) -> Where:
    return exists().where(jobs.c.id == table.c.job_id, where)


def _of_event(where: Where) -> Where:
    return decisions.c.place.in_(select(events.c.place).where(where))


def _old_pool_size(before: datetime) -> Where:
    """All but the last one of each pool, which still says how large that is."""
    return and_(pool_sizes.c.at < before, pool_sizes.c.at < _last_of_pool())


def _last_of_pool() -> ColumnElement[datetime]:
    same = pool_sizes.alias("same")
    query = select(func.max(same.c.at)).where(same.c.pool == pool_sizes.c.pool)
    return query.correlate(pool_sizes).scalar_subquery()


def _old_audit(before: datetime) -> Where:
    kept = _of_job(audit, is_kept(before))
    return and_(audit.c.at < before, audit.c.action != PRUNE, ~kept)


def _loose_event(before: datetime) -> Where:
    """Of no kept job, and not what a kept pool size rests on."""
    kept_size = exists().where(pool_sizes.c.event_id == events.c.id, ~_old_pool_size(before))
    return and_(
        events.c.at < before,
        events.c.type.not_in(_OF_READINGS),
        ~_of_job(events, is_kept(before)),
        ~kept_size,
    )


def _old_update(before: datetime) -> Where:
    """Updates and revisions of old readings alone, but for the last update of each region."""
    last = select(grids.c.updated_at)
    told = events.c.at < before - AHEAD
    return and_(told, events.c.type.in_(_OF_READINGS), events.c.at.not_in(last))


def _key(table: Table) -> ColumnElement[Any]:
    keys = list(table.primary_key)
    return keys[0] if len(keys) == 1 else tuple_(*keys)


def _count(connection: Connection, table: Table, where: Where) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(where)) or 0

"""What pruning has taken from a time: jobs that no sum of it can hold any more.

The roll-ups of a day outlive the details of its jobs. So a time that cuts a day in two cannot tell
on which side of the cut those of them ended that were pruned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from shared.ledger.contributions import NOT_ENDED
from shared.ledger.instants import EPOCH
from shared.ledger.reads.contributed import DAY, edges
from shared.ledger.reads.query import reading
from shared.ledger.recount import each_job
from shared.ledger.tables import daily, jobs
from shared.ledger.writes.retention import pruned_so_far

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Pruned jobs that ended in a part of a UTC day, or of two, and are in no sum of it.

    Attributes:
        since: they ended from then on.
        until: and before then.
        most_jobs: how many they are at most: all pruned ones of those days.
    """

    since: datetime
    until: datetime
    most_jobs: int


@dataclass(frozen=True, slots=True)
class PrunedPast:
    """What is gone of a time.

    Attributes:
        before: jobs that ended earlier are pruned; None where none ever were.
        uncounted: the parts of days whose jobs are in no sum.
    """

    before: datetime | None
    uncounted: tuple[Uncounted, ...] = ()


def pruned_past(engine: Engine, since: datetime, until: datetime) -> PrunedPast:
    """What is gone of the jobs that ended from `since` to before `until`.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    with reading(engine) as connection:
        limit = pruned_so_far(connection)
        if limit is None:
            return PrunedPast(None)
        found = _uncounted(connection, since, until, limit.jobs_before)
        return PrunedPast(limit.jobs_before, tuple(found))


def _uncounted(
    connection: Connection, since: datetime, until: datetime, limit: datetime
) -> Iterator[Uncounted]:
    for begin, whole_end in edges(since, until):
        end = min(whole_end, limit)
        if begin < end and (most_jobs := _pruned_jobs(connection, begin, end)):
            yield Uncounted(begin, end, most_jobs)


def _pruned_jobs(connection: Connection, begin: datetime, end: datetime) -> int:
    """How many jobs the roll-ups of the days between two instants hold beyond those at hand."""
    first, after = (begin - EPOCH) // DAY, (end - _INSTANT - EPOCH) // DAY + 1
    days = daily.c.day
    held = select(func.sum(daily.c.jobs)).where(days > NOT_ENDED, days >= first, days < after)
    finished = jobs.c.finished_at
    rows = each_job(finished >= EPOCH + first * DAY, finished < EPOCH + after * DAY).c
    left = select(func.sum(rows.jobs)).where(rows.day > NOT_ENDED)
    return int(connection.scalar(held) or 0) - int(connection.scalar(left) or 0)

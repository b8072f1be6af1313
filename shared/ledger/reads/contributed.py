"""What ended in a time: whole days from the roll-ups, what is left at its edges from the jobs.

Both are the same figures in the same parts of units, so that one code path adds them up.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Subquery, Table, select
from sqlalchemy import union_all as union

from shared.ledger.contributions import DAY_SECONDS
from shared.ledger.instants import EPOCH
from shared.ledger.packed_waits import pack
from shared.ledger.recount import Condition, each_job, each_wait, summed
from shared.ledger.tables import daily, daily_waits, jobs

DAY = timedelta(seconds=DAY_SECONDS)
_FIRST_DAY = 1  # day 0 holds the jobs that have not ended
_BUCKET = ("bucket", "jobs", "wait_microseconds")
WaitGroup = tuple[str, bool, int | str]
"""A signal ("" for none), whether it is simulated, and a day, region, type or priority."""


def contributed(since: datetime, until: datetime) -> Subquery:
    """Rows like those of `daily`, for the jobs that ended from `since` to before `until`."""
    parts = [select(daily).where(*each) for each in _in_whole_days(daily, since, until)]
    parts += [select(each_job(*edge)) for edge in _at_the_edges(since, until)]
    return union(*parts).subquery()


def contributed_waits(
    connection: Connection, since: datetime, until: datetime, by: str
) -> dict[WaitGroup, list[bytes]]:
    """The packed waits of the same jobs, which are to be added up.

    Args:
        connection: to read from.
        since: jobs that ended from then on.
        until: and before then.
        by: the column by which they are grouped: `day`, `region`, `type` or `priority`.
    """
    found: dict[WaitGroup, list[bytes]] = defaultdict(list)
    keys = ("signal", "simulated", by)
    for whole in _in_whole_days(daily_waits, since, until):
        query = select(*(daily_waits.c[name] for name in (*keys, "waits"))).where(*whole)
        for signal, simulated, group, waits in connection.execute(query):
            found[signal, simulated, group].append(waits)
    for edge in _at_the_edges(since, until):
        rows = each_wait(*edge).c
        told = select(*(rows[name] for name in (*keys, *_BUCKET))).subquery()
        for signal, simulated, group, bucket, *sums in connection.execute(
            summed(told, len(keys) + 1)
        ):
            found[signal, simulated, group].append(pack({bucket: (sums[0], sums[1])}))
    return found


def whole_days(since: datetime, until: datetime) -> tuple[int, int]:
    """The first day that lies whole in a time, and the day after the last one."""
    first = max(_FIRST_DAY, -((EPOCH - since) // DAY))
    return first, max(first, (until - EPOCH) // DAY)


def edges(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The parts of a time that are no whole days: all of it where no day lies whole in it."""
    first, after = whole_days(since, until)
    if first == after:
        return [(since, until)]
    ends = [(since, EPOCH + first * DAY), (EPOCH + after * DAY, until)]
    return [(begin, end) for begin, end in ends if begin < end]


def _in_whole_days(table: Table, since: datetime, until: datetime) -> Iterator[list[Condition]]:
    """The condition for a roll-up's rows; none where no day lies whole in that time."""
    first, after = whole_days(since, until)
    if first < after:
        yield [table.c.day >= first, table.c.day < after]


def _at_the_edges(since: datetime, until: datetime) -> Iterator[list[Condition]]:
    """The conditions for the jobs of each of those parts."""
    for begin, end in edges(since, until):
        yield [jobs.c.finished_at >= begin, jobs.c.finished_at < end]

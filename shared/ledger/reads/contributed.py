"""What ended in a time: whole days from the roll-ups, what is left at its edges from the jobs.

Both are the same columns in the same parts of units, so that one code path adds them up.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Subquery, Table, select
from sqlalchemy import union_all as union

from shared.ledger.contributions import DAY_SECONDS
from shared.ledger.instants import EPOCH
from shared.ledger.recount import Condition, each_job, each_wait
from shared.ledger.tables import daily, daily_waits, jobs

_DAY = timedelta(seconds=DAY_SECONDS)
_FIRST_DAY = 1  # day 0 holds the jobs that have not ended
EachJob = Callable[..., Subquery]


def contributed(since: datetime, until: datetime) -> Subquery:
    """Rows like those of `daily`, for the jobs that ended from `since` to before `until`."""
    return _in_parts(daily, each_job, since, until)


def contributed_waits(since: datetime, until: datetime) -> Subquery:
    """Rows like those of `daily_waits`, for the same jobs."""
    return _in_parts(daily_waits, each_wait, since, until)


def whole_days(since: datetime, until: datetime) -> tuple[int, int]:
    """The first day that lies whole in a time, and the day after the last one."""
    first = max(_FIRST_DAY, -((EPOCH - since) // _DAY))
    return first, max(first, (until - EPOCH) // _DAY)


def _in_parts(table: Table, each: EachJob, since: datetime, until: datetime) -> Subquery:
    first, after = whole_days(since, until)
    if first == after:
        return each(*_ended(since, until))
    parts = [select(table).where(table.c.day >= first, table.c.day < after)]
    edges = ((since, EPOCH + first * _DAY), (EPOCH + after * _DAY, until))
    parts += [select(each(*_ended(*edge))) for edge in edges if edge[0] < edge[1]]
    return union(*parts).subquery()


def _ended(since: datetime, until: datetime) -> list[Condition]:
    return [jobs.c.finished_at >= since, jobs.c.finished_at < until]

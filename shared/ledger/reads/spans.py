"""When jobs ended."""

from datetime import datetime

from sqlalchemy import Engine, func, select

from shared.ledger.instants import EPOCH
from shared.ledger.reads.contributed import DAY, whole_days
from shared.ledger.reads.query import reading
from shared.ledger.tables import daily, jobs
from shared.ledger.writes.retention import pruned_so_far


def first_finish(engine: Engine, since: datetime) -> datetime | None:
    """When the first of the jobs ended that ended since; None where none did.

    Of jobs that were pruned only the day is known: its beginning, where it lies whole in the time.
    """
    earliest = func.min(jobs.c.finished_at, type_=jobs.c.finished_at.type)
    first_whole, _ = whole_days(since, since)
    with reading(engine) as connection:
        at = connection.scalar(select(earliest).where(jobs.c.finished_at >= since))
        limit = pruned_so_far(connection)
        if limit is None:
            return at
        day = connection.scalar(select(func.min(daily.c.day)).where(daily.c.day >= first_whole))
    if day is None or EPOCH + day * DAY >= limit.jobs_before:
        return at
    begin = EPOCH + day * DAY
    return begin if at is None else min(begin, at)

"""When jobs ended."""

from datetime import datetime

from sqlalchemy import Engine, func, select

from shared.ledger.reads.query import reading
from shared.ledger.tables import jobs


def first_finish(engine: Engine, since: datetime) -> datetime | None:
    """When the first of the jobs ended that ended since; None where none did."""
    earliest = func.min(jobs.c.finished_at, type_=jobs.c.finished_at.type)
    with reading(engine) as connection:
        return connection.scalar(select(earliest).where(jobs.c.finished_at >= since))

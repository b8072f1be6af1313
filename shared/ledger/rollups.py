"""Daily roll-ups: kept up with each change of a job, filled once, and compared with the jobs."""

import operator
from collections.abc import Callable

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from shared.domain.waits import bucket_of
from shared.ledger.contributions import (
    NOT_ENDED,
    Amounts,
    Contribution,
    Key,
    Row,
    contribution,
)
from shared.ledger.recount import recounted
from shared.ledger.tables import daily, daily_waits, jobs
from shared.ledger.upsert import add

Sums = dict[Key, Amounts]


class Changes:
    """What a batch changes in the roll-ups: the stored rows of its jobs before it, and after."""

    def __init__(self) -> None:
        """Nothing has changed."""
        self._daily: Sums = {}
        self._waits: Sums = {}

    def before(self, row: Row) -> None:
        """A job's row that is about to change."""
        self._count(contribution(row), operator.sub)

    def after(self, row: Row) -> None:
        """The row that it has now, or that is new."""
        self._count(contribution(row), operator.add)

    def write(self, connection: Connection) -> None:
        """Bring the roll-ups up to date."""
        _write(connection, daily, self._daily)
        _write(connection, daily_waits, self._waits)

    def _count(self, adds: Contribution, sign: Callable[[int, int], int]) -> None:
        _into(self._daily, adds.key, adds.amounts, sign)
        if adds.wait_key is not None:
            _into(self._waits, adds.wait_key, adds.wait_amounts, sign)


def fill_rollups(connection: Connection) -> None:
    """Count the roll-ups of a ledger that has none yet from its jobs.

    Only then: they outlive the rows of deleted jobs, which nobody could count again.
    """
    if connection.execute(select(daily.c.day).limit(1)).first() is not None:
        return
    _fill_buckets(connection)
    for table in (daily, daily_waits):
        counted = recounted(table)
        names = [column.name for column in counted.selected_columns]
        connection.execute(insert(table).from_select(names, counted))


def rollups_differences(connection: Connection) -> list[str]:
    """Where the roll-ups and the jobs disagree, a line each; none is as it should be.

    Jobs that were deleted for their age stay in the roll-ups, so a key that holds more jobs than
    the table of jobs is no difference; one that holds fewer is, and so are other sums of as many.
    """
    return [line for table in (daily, daily_waits) for line in _differences(connection, table)]


def _differences(connection: Connection, table: Table) -> list[str]:
    width = len(table.primary_key)
    held = {tuple(row[:width]): tuple(row[width:]) for row in connection.execute(select(table))}
    found = []
    for row in connection.execute(recounted(table)):
        key, amounts = tuple(row[:width]), tuple(row[width:])
        has = held.pop(key, (0,) * len(amounts))
        if has[0] < amounts[0] or (has[0] == amounts[0] and has != amounts):
            found.append(f"{table.name} of {_spoken(table, key)} holds {has}, its jobs {amounts}")
    waiting = [key for key, has in held.items() if key[0] == NOT_ENDED and has[0]]
    return found + [f"{table.name} of {_spoken(table, key)} has no jobs" for key in waiting]


def _spoken(table: Table, key: Key) -> str:
    named = zip(table.primary_key, key, strict=True)
    return ", ".join(f"{column.name} {value!r}" for column, value in named)


def _fill_buckets(connection: Connection) -> None:
    """Rows of before there were buckets."""
    query = select(jobs.c.id, jobs.c.wait_seconds).where(
        jobs.c.wait_seconds.is_not(None), jobs.c.wait_bucket.is_(None)
    )
    rows = [
        {"job": row.id, "bucket": bucket_of(row.wait_seconds)} for row in connection.execute(query)
    ]
    if rows:
        change = update(jobs).where(jobs.c.id == bindparam("job"))
        connection.execute(change.values(wait_bucket=bindparam("bucket")), rows)


def _into(sums: Sums, key: Key, amounts: Amounts, sign: Callable[[int, int], int]) -> None:
    held = sums.get(key) or (0,) * len(amounts)
    sums[key] = tuple(map(sign, held, amounts))


def _write(connection: Connection, table: Table, sums: Sums) -> None:
    changed = {key: amounts for key, amounts in sorted(sums.items()) if any(amounts)}
    add(connection, table, [(*key, *amounts) for key, amounts in changed.items()])
    days = {key[0] for key, amounts in changed.items() if amounts[0] < 0}
    if days:  # where the last job of a key left, all else of it is 0 too
        connection.execute(delete(table).where(table.c.day.in_(days), table.c.jobs == 0))

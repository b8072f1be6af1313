"""Daily roll-ups: kept up with each change of a job, filled once, and compared with the jobs."""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from shared.domain.waits import bucket_of
from shared.ledger.contributions import (
    NOT_ENDED,
    WAIT_COLUMNS,
    Amounts,
    Contribution,
    Key,
    Row,
    contribution,
)
from shared.ledger.packed_waits import Waits, pack, unpack
from shared.ledger.recount import WAIT_KEYS, recounted, recounted_waits
from shared.ledger.shape import select_stored
from shared.ledger.tables import daily, daily_waits, jobs
from shared.ledger.upsert import add, put

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
        _write(connection, self._daily)
        _write_waits(connection, self._waits)

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
    counted = recounted()
    names = [column.name for column in counted.selected_columns]
    connection.execute(insert(daily).from_select(names, counted))
    put_waits(connection, map(tuple, connection.execute(recounted_waits())))


def put_waits(connection: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of `WAIT_COLUMNS` into `daily_waits`, which holds none of their keys yet."""
    packed: dict[Key, Waits] = defaultdict(dict)
    for *key, bucket, jobs_count, wait_microseconds in rows:
        packed[tuple(key)][bucket] = (jobs_count, wait_microseconds)
    if packed:
        connection.execute(insert(daily_waits), _wait_rows(packed))


def held_waits(connection: Connection) -> Iterable[tuple[Any, ...]]:
    """What `daily_waits` holds as rows of `WAIT_COLUMNS`, in their order."""
    for row in connection.execute(select(daily_waits).order_by(*daily_waits.primary_key)):
        yield from ((*row[:-1], bucket, *sums) for bucket, sums in unpack(row.waits).items())


def rollups_differences(connection: Connection) -> list[str]:
    """Where the roll-ups and the jobs disagree, a line each; none is as it should be.

    Jobs that were deleted for their age stay in the roll-ups, so a key that holds more jobs than
    the table of jobs is no difference; one that holds fewer is, and so are other sums of as many.
    """
    held = map(tuple, connection.execute(select(daily)))
    counted = connection.execute(recounted())
    found = list(_differences("daily", daily.primary_key.columns.keys(), held, counted))
    counted = connection.execute(recounted_waits())
    names = WAIT_COLUMNS[:WAIT_KEYS]
    return [*found, *_differences("daily_waits", names, held_waits(connection), counted)]


def _differences(
    table: str,
    keys: Sequence[str],
    held_rows: Iterable[tuple[Any, ...]],
    counted: Iterable[Sequence[Any]],
) -> Iterable[str]:
    width = len(keys)
    held = {row[:width]: row[width:] for row in held_rows}
    for row in counted:
        key, amounts = tuple(row[:width]), tuple(row[width:])
        has = held.pop(key, (0,) * len(amounts))
        if has[0] < amounts[0] or (has[0] == amounts[0] and has != amounts):
            yield f"{table} of {_spoken(keys, key)} holds {has}, its jobs {amounts}"
    for key, has in held.items():
        if key[0] == NOT_ENDED and has[0]:
            yield f"{table} of {_spoken(keys, key)} has no jobs"


def _spoken(names: Sequence[str], key: Key) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(names, key, strict=True))


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


def _write(connection: Connection, sums: Sums) -> None:
    changed = {key: amounts for key, amounts in sorted(sums.items()) if any(amounts)}
    add(connection, daily, [(*key, *amounts) for key, amounts in changed.items()])
    days = {key[0] for key, amounts in changed.items() if amounts[0] < 0}
    if days:  # where the last job of a key left, all else of it is 0 too
        connection.execute(delete(daily).where(daily.c.day.in_(days), daily.c.jobs == 0))


def _write_waits(connection: Connection, sums: Sums) -> None:
    """Read what the keys hold, add to it, and put it back; nobody else writes meanwhile."""
    changed = {key: amounts for key, amounts in sorted(sums.items()) if any(amounts)}
    if not changed:
        return
    held = _held(connection, {key[:-1] for key in changed})
    for key, amounts in changed.items():
        waits, bucket = held[key[:-1]], int(key[-1])
        jobs_count, microseconds = map(operator.add, waits.get(bucket, (0, 0)), amounts)
        waits[bucket] = (jobs_count, microseconds)
        if not jobs_count:
            del waits[bucket]
    put(connection, daily_waits, _wait_rows(held))
    days = {key[0] for key, waits in held.items() if not waits}
    if days:
        rows = daily_waits.c
        connection.execute(delete(daily_waits).where(rows.day.in_(days), rows.waits == b""))


def _held(connection: Connection, keys: set[Key]) -> dict[Key, Waits]:
    """What some keys, stored ones, hold of waits; their days and types bound what is read."""
    rows = daily_waits.c
    days, types = {key[0] for key in keys}, {key[2] for key in keys}
    query = select_stored(daily_waits).where(rows.day.in_(days), rows.type.in_(types))
    found = {tuple(row[:-1]): row.waits for row in connection.execute(query)}
    return {key: unpack(found.get(key, b"")) for key in sorted(keys)}


def _wait_rows(waits: Mapping[Key, Waits]) -> list[dict[str, Any]]:
    names = daily_waits.columns.keys()
    return [dict(zip(names, (*key, pack(each)), strict=True)) for key, each in waits.items()]

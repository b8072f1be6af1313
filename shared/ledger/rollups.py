"""Daily roll-ups: kept up with each change of a job, filled once, and compared with the jobs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import add, sub
from typing import Any

from sqlalchemy import Connection, Delete, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.domain.waits import bucket_of
from shared.ledger.contributions import (
    AMOUNTS,
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
from shared.ledger.tables import daily, daily_waits, jobs

Sums = dict[Key, Amounts]


class Changes:
    """What a batch changes in the roll-ups: the rows of its jobs before it, and after."""

    def __init__(self) -> None:
        """Nothing has changed."""
        self._daily: Sums = {}
        self._waits: Sums = {}

    def before(self, row: Row) -> None:
        """A job's row that is about to change."""
        self._count(contribution(row), sub)

    def after(self, row: Row) -> None:
        """The row that it has now, or that is new."""
        self._count(contribution(row), add)

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
    keys = daily.primary_key.columns.keys()
    changed = {key: amounts for key, amounts in sums.items() if any(amounts)}
    if not changed:
        return
    names = (*keys, *AMOUNTS)
    rows = [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(changed)]
    connection.execute(_adding(connection.dialect.name), rows)
    left = [key for key in sorted(changed) if changed[key][0] < 0]
    _delete(connection, _deleting(daily).where(daily.c.jobs == 0), keys, left)


def _write_waits(connection: Connection, sums: Sums) -> None:
    """Read what the keys hold, add to it, and put it back; nobody else writes meanwhile."""
    changed = {key: amounts for key, amounts in sums.items() if any(amounts)}
    if not changed:
        return
    held = _held(connection, {key[:-1] for key in changed})
    for key, amounts in changed.items():
        waits, bucket = held[key[:-1]], int(key[-1])
        jobs_count, microseconds = map(add, waits.get(bucket, (0, 0)), amounts)
        waits[bucket] = (jobs_count, microseconds)
        if not jobs_count:
            del waits[bucket]
    kept = {key: held[key] for key in sorted(held) if held[key]}
    if kept:
        connection.execute(_replacing(connection.dialect.name), _wait_rows(kept))
    left = sorted(held.keys() - kept.keys())
    _delete(connection, _deleting(daily_waits), daily_waits.primary_key.columns.keys(), left)


def _held(connection: Connection, keys: set[Key]) -> dict[Key, Waits]:
    """What some keys hold of waits; their days and types bound what is read."""
    rows = daily_waits.c
    days, types = {key[0] for key in keys}, {key[2] for key in keys}
    query = select(daily_waits).where(rows.day.in_(days), rows.type.in_(types))
    found = {tuple(row[:-1]): row.waits for row in connection.execute(query)}
    return {key: unpack(found.get(key, b"")) for key in keys}


def _wait_rows(waits: Mapping[Key, Waits]) -> list[dict[str, Any]]:
    names = daily_waits.columns.keys()
    return [dict(zip(names, (*key, pack(each)), strict=True)) for key, each in waits.items()]


def _delete(
    connection: Connection, statement: Delete, names: Sequence[str], keys: Sequence[Key]
) -> None:
    if keys:
        named = [f"old_{name}" for name in names]
        connection.execute(statement, [dict(zip(named, key, strict=True)) for key in keys])


@lru_cache(maxsize=2)
def _adding(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Adds to the rows that are there, in the database itself."""
    into = _insert(dialect, daily)
    keys = daily.primary_key.columns.keys()
    sums = {c.name: c + into.excluded[c.name] for c in daily.columns if c.name not in keys}
    return into.on_conflict_do_update(index_elements=keys, set_=sums)


@lru_cache(maxsize=2)
def _replacing(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Puts packed waits in the place of those that are there."""
    into = _insert(dialect, daily_waits)
    keys = daily_waits.primary_key.columns.keys()
    return into.on_conflict_do_update(index_elements=keys, set_={"waits": into.excluded.waits})


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@lru_cache(maxsize=2)
def _deleting(table: Table) -> Delete:
    """Takes out the rows that hold no job any more; all else of them is 0 then."""
    same = [column == bindparam(f"old_{column.name}") for column in table.primary_key]
    return delete(table).where(*same)

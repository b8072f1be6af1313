"""What a dump has beside events: rows that no event could bring back.

Revisions of accounts tell in which order things became known. After a prune, roll-ups are all that
is left of the deleted jobs. Waits have a line for each bucket, packed as they may be in the ledger.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, bindparam, delete, func, select, update

from shared.ledger.contributions import WAIT_COLUMNS
from shared.ledger.instants import Instant
from shared.ledger.rollups import held_waits, put_waits
from shared.ledger.stored import Identifier
from shared.ledger.tables import AnyRow, account_revisions, daily, daily_waits, jobs
from shared.ledger.upsert import insert

_BEGINNING = b'{"row":'
_TABLES = {table.name: table for table in (account_revisions, daily, daily_waits)}
_COLUMNS = {
    table: WAIT_COLUMNS if table is daily_waits else tuple(table.columns.keys())
    for table in _TABLES.values()
}


def row_lines(connection: Connection, *, is_pruned: bool) -> Iterator[bytes]:
    """The rows as lines, in the order of their keys.

    Args:
        connection: to read from.
        is_pruned: whether there ever was a prune; else the jobs say all that roll-ups do.
    """
    for table in _TABLES.values() if is_pruned else (account_revisions,):
        for row in _rows(connection, table):
            values = dict(zip(_COLUMNS[table], map(_written, row), strict=True))
            text = json.dumps({"row": {"table": table.name, **values}}, separators=(",", ":"))
            yield text.encode() + b"\n"


def is_row(line: bytes) -> bool:
    """Whether a line is a row, not an event."""
    return line.startswith(_BEGINNING)


def read_row(line: bytes) -> tuple[Table, dict[str, Any]]:
    """A row that was written as a line.

    Raises:
        ValueError: it is none that this program knows.
    """
    try:
        told = json.loads(line)["row"]
        table = _TABLES[told.pop("table")]
        return table, {name: _read(table.c.get(name), told[name]) for name in _COLUMNS[table]}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it has no {error}") from error


def restore(connection: Connection, lines: Iterable[bytes], *, is_pruned: bool) -> None:
    """Put the rows in the place of those that the events led to."""
    rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _TABLES.values()}
    for table, row in map(read_row, lines):
        rows[table].append(row)
    for table in _TABLES.values() if is_pruned else (account_revisions,):
        connection.execute(delete(table))
        if table is daily_waits:
            put_waits(connection, (tuple(row.values()) for row in rows[table]))
        else:
            insert(connection, table, rows[table])
    _set_versions(connection)


def _rows(connection: Connection, table: Table) -> Iterable[Sequence[Any]]:
    if table is daily_waits:
        return held_waits(connection)
    return connection.execute(select(table).order_by(*table.primary_key))


def _set_versions(connection: Connection) -> None:
    """A job's version is that of its last revision."""
    connection.execute(update(jobs).where(jobs.c.account_version > 1).values(account_version=1))
    of_jobs = account_revisions.c
    last = select(of_jobs.job_id.label("job"), func.max(of_jobs.version).label("last"))
    found: list[AnyRow] = list(connection.execute(last.group_by(of_jobs.job_id)).all())
    if found:
        change = update(jobs).where(jobs.c.id == bindparam("job"))
        rows = [{"job": row.job, "last": row.last} for row in found]
        connection.execute(change.values(account_version=bindparam("last")), rows)


def _written(value: Any) -> object:  # noqa: ANN401 - of any column
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _read(column: Column[Any] | None, value: Any) -> object:  # noqa: ANN401 - of any column
    if value is None or column is None:
        return value
    if isinstance(column.type, Instant):
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(column.type, Identifier) else value

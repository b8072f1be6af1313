"""Many rows at once into a table or sought in it, in the words of SQLite and of PostgreSQL.

SQLite takes them row by row, which costs it nothing. PostgreSQL would spend most of its time on
answering for each: there they are copied into the table itself, or, where some of them may be in
it already, into a temporary one, and moved from there by one statement.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    MetaData,
    Table,
    any_,
    delete,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from shared.ledger.copying import copy_rows
from shared.ledger.shape import Converter, Names, Row, shape_of

AnyInsert = sqlite.Insert | postgresql.Insert


class _Known(Enum):
    """What becomes of a row whose key is in the table."""

    REFUSED = auto()
    KEPT = auto()
    REPLACED = auto()
    ADDED_TO = auto()


@dataclass(frozen=True, slots=True)
class _How:
    known: _Known
    newer_by: str | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """How rows of some columns get into a table.

    Attributes:
        columns: in the order of the values, with what makes each the driver's.
        moving: the statement that takes values; in PostgreSQL it moves what was copied, and there
            is none where rows are copied into the table itself.
        making: makes the temporary table, or empties it.
        into: what is copied into, and the types of its columns.
    """

    columns: tuple[tuple[str, Converter], ...]
    moving: str | None
    making: str | None = None
    into: str = ""
    types: tuple[str, ...] = ()


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that are not there yet.

    Raises:
        IntegrityError: the key of one is.
    """
    _convert(connection, table, rows, _How(_Known.REFUSED))


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose key is not there yet."""
    _convert(connection, table, rows, _How(_Known.KEPT))


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, newer_by: str | None = None
) -> None:
    """Insert rows or replace those of the same key.

    Args:
        connection: in a transaction.
        table: where.
        rows: all of the table's columns.
        newer_by: a column; a row is replaced only by one in which it is greater.
    """
    if len(rows) > 1:
        rows = _latest(table, rows, newer_by)
    _convert(connection, table, rows, _How(_Known.REPLACED, newer_by))


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert stored rows of different keys, whole ones, or replace those that are there."""
    names = shape_of(connection.dialect, table).names
    values = [tuple(row.values()) for row in rows]
    _write(connection, table, names, _How(_Known.REPLACED), values)


def add(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert stored rows of different keys, or add their numbers to those that are there."""
    names = shape_of(connection.dialect, table).names
    _write(connection, table, names, _How(_Known.ADDED_TO), rows)


def among(
    connection: Connection, column: Column[Any], values: Collection[UUID]
) -> ColumnElement[bool]:
    """Whether a column has one of many values."""
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    # One parameter: for thousands of them SQLAlchemy, the driver and the server each read the
    # statement anew.
    return column == any_(literal(list(values), postgresql.ARRAY(column.type)))


def _latest(table: Table, rows: Sequence[Row], newer_by: str | None) -> list[Row]:
    """One row of each key: PostgreSQL replaces none twice in one statement."""
    key_of = itemgetter(*(column.name for column in table.primary_key))
    kept: dict[Any, Row] = {}
    for row in rows:
        key = key_of(row)
        if key not in kept or newer_by is None or row[newer_by] > kept[key][newer_by]:
            kept[key] = row
    return list(kept.values())


def _convert(connection: Connection, table: Table, rows: Sequence[Row], how: _How) -> None:
    if not rows:
        return
    names = tuple(rows[0])
    columns = _way(connection.dialect, table, names, how).columns
    values = [
        tuple([row[name] if convert is None else convert(row[name]) for name, convert in columns])
        for row in rows
    ]
    _write(connection, table, names, how, values)


def _write(
    connection: Connection, table: Table, names: Names, how: _How, values: Sequence[tuple[Any, ...]]
) -> None:
    if not values:
        return
    way = _way(connection.dialect, table, names, how)
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(str(way.moving), list(values))
        return
    if way.making is not None:
        connection.exec_driver_sql(way.making)
    copy_rows(connection, way.into, way.types, values)
    if way.moving is not None:
        connection.exec_driver_sql(way.moving)


@lru_cache(maxsize=64)
def _way(dialect: Dialect, table: Table, names: Names, how: _How) -> _Way:
    ordered = [column for column in table.columns if column.name in names]
    storing = shape_of(dialect, table).storing
    columns = tuple((column.name, storing[column.name]) for column in ordered)
    own = [column.name for column in ordered]
    if dialect.name != "postgresql":
        statement = _unless_known(sqlite.insert(table), table, how)
        return _Way(columns, str(statement.compile(dialect=dialect, column_keys=own)))
    types = tuple(column.type.compile(dialect).lower() for column in ordered)
    quote = dialect.identifier_preparer.quote
    listed = ", ".join(map(quote, own))
    if how.known is _Known.REFUSED:
        return _Way(columns, None, None, f"{quote(table.name)} ({listed})", types)
    coming = table.to_metadata(MetaData(), name=f"coming_{table.name}")
    moved = postgresql.insert(table).from_select(own, select(*(coming.c[name] for name in own)))
    like = f"(LIKE {quote(table.name)}) ON COMMIT DELETE ROWS"
    return _Way(
        columns,
        str(_unless_known(moved, table, how).compile(dialect=dialect)),
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {coming.name} {like}; {delete(coming)}",
        f"{coming.name} ({listed})",
        types,
    )


def _unless_known(statement: AnyInsert, table: Table, how: _How) -> AnyInsert:
    if how.known is _Known.REFUSED:
        return statement
    if how.known is _Known.KEPT:
        return statement.on_conflict_do_nothing()
    keys = [column.name for column in table.primary_key]
    new, others = statement.excluded, [c for c in table.columns if c.name not in keys]
    added = how.known is _Known.ADDED_TO
    values = {c.name: c + new[c.name] if added else new[c.name] for c in others}
    where = None if how.newer_by is None else new[how.newer_by] > table.c[how.newer_by]
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)

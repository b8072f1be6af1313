"""Insert or update, in the words of SQLite and of PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

Row = dict[str, Any]
Names = tuple[str, ...]


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that are not there yet.

    Raises:
        IntegrityError: the key of one is.
    """
    if rows:
        _execute(connection, _plain(connection.dialect, table, tuple(rows[0])), rows)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        _execute(connection, _new(connection.dialect, table, tuple(rows[0])), rows)


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
    if rows:
        names = tuple(rows[0])
        _execute(connection, _upsert(connection.dialect, table, names, newer_by), rows)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as its driver takes it, and what turns each value into the driver's.

    SQLAlchemy would work out both again for every row.
    """

    sql: str
    order: tuple[str, ...] | None
    converters: tuple[tuple[str, Callable[[Any], Any] | None], ...]


def _execute(connection: Connection, prepared: _Prepared, rows: Sequence[Row]) -> None:
    converters = prepared.converters
    ready = [
        {name: row[name] if convert is None else convert(row[name]) for name, convert in converters}
        for row in rows
    ]
    if prepared.order is None:  # the driver takes names
        connection.exec_driver_sql(prepared.sql, ready)
        return
    order = prepared.order
    connection.exec_driver_sql(prepared.sql, [tuple(row[name] for name in order) for row in ready])


def _prepare(
    dialect: Dialect, statement: sqlite.Insert | postgresql.Insert, table: Table, names: Names
) -> _Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    converters = tuple(
        (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
    )
    order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None
    return _Prepared(str(compiled), None if order is None else tuple(order), converters)


@lru_cache(maxsize=64)
def _plain(dialect: Dialect, table: Table, names: Names) -> _Prepared:
    return _prepare(dialect, _insert(dialect.name, table), table, names)


@lru_cache(maxsize=64)
def _new(dialect: Dialect, table: Table, names: Names) -> _Prepared:
    statement = _insert(dialect.name, table).on_conflict_do_nothing()
    return _prepare(dialect, statement, table, names)


@lru_cache(maxsize=64)
def _upsert(dialect: Dialect, table: Table, names: Names, newer_by: str | None) -> _Prepared:
    statement = _insert(dialect.name, table)
    keys = [column.name for column in table.primary_key]
    new = statement.excluded
    values: Mapping[str, Any] = {
        column.name: new[column.name] for column in table.columns if column.name not in keys
    }
    where = None if newer_by is None else new[newer_by] > table.c[newer_by]
    newer = statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)
    return _prepare(dialect, newer, table, names)


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)

"""Insert or update, in the words of SQLite and of PostgreSQL."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        statement = _insert(connection.dialect.name, table).on_conflict_do_nothing()
        connection.execute(statement, list(rows))


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
        connection.execute(_upsert(connection.dialect.name, table, newer_by), list(rows))


@lru_cache(maxsize=64)
def _upsert(dialect: str, table: Table, newer_by: str | None) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    new = statement.excluded
    values: Mapping[str, Any] = {
        column.name: new[column.name] for column in table.columns if column.name not in keys
    }
    where = None if newer_by is None else new[newer_by] > table.c[newer_by]
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)

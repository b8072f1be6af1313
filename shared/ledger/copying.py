"""PostgreSQL's COPY, in SQLAlchemy's words: some ten times as fast as a statement for each row."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event

_TYPES = "copied_types"
"""The execution option that says that a statement is a COPY, and of which types its columns are."""


def let_copy(engine: Engine) -> None:
    """Let an engine of PostgreSQL (psycopg) take rows by `copy_rows`."""
    event.listen(engine, "do_executemany", _copy)
    event.listen(engine, "do_execute", _copy_one)


def copy_rows(
    connection: Connection, into: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Append rows to a table.

    Args:
        connection: of an engine that was let copy.
        into: the table with its columns, quoted: `jobs (id, state)`.
        types: of those columns, in PostgreSQL's words.
        rows: the driver's values, in the order of those columns.
    """
    connection.exec_driver_sql(
        f"COPY {into} FROM STDIN (FORMAT BINARY)",
        list(rows),
        execution_options={_TYPES: types},
    )


def _copy(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]], context: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's own, untyped
    """In the place of the statement's execution, so that its errors are told as of any other."""
    types = context.execution_options.get(_TYPES)
    if types is None:
        return False
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    return True


def _copy_one(cursor: Any, statement: str, row: tuple[Any, ...], context: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's own, untyped
    return _copy(cursor, statement, [row], context)

"""Copy a ledger from an SQLite file into an empty PostgreSQL database, to measure the same rows."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Engine, Table, func, select

from shared.ledger.schema import migrate, open_engine
from shared.ledger.stored import Identifier
from shared.ledger.tables import jobs, metadata

ROWS_AT_ONCE = 10_000
Converter = Callable[[Any], object]


def copied(source: Engine, url: str) -> Engine:
    """The PostgreSQL ledger with the rows of an SQLite one; a filled one is kept as it is."""
    migrate(url)
    target = open_engine(url)
    with target.connect() as connection:
        is_filled = connection.scalar(select(func.count()).select_from(jobs))
    if not is_filled:
        for table in metadata.sorted_tables:
            _copy(source, target, table)
        with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return target


def _copy(source: Engine, target: Engine, table: Table) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    converters = [_converter(column) for column in table.columns]
    from_driver, into_driver = source.raw_connection(), target.raw_connection()
    try:
        rows = from_driver.cursor()
        rows.execute(f"SELECT {names} FROM {table.name}")  # noqa: S608 - our own names
        into: Any = into_driver.cursor()
        with into.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            while some := rows.fetchmany(ROWS_AT_ONCE):
                for row in some:
                    copy.write_row(_converted(row, converters))
        into_driver.commit()
    finally:
        from_driver.close()
        into_driver.close()


def _converted(row: Sequence[Any], converters: Sequence[Converter | None]) -> list[object]:
    return [
        value if convert is None or value is None else convert(value)
        for value, convert in zip(row, converters, strict=True)
    ]


def _converter(column: Column[Any]) -> Converter | None:
    """What turns SQLite's own value into PostgreSQL's; None where they are the same."""
    if isinstance(column.type, Identifier):
        return bytes.hex
    return bool if isinstance(column.type, Boolean) else None

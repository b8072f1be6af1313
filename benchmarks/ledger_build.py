"""Build a large ledger for measuring: one day through the real write path, the others as copies.

A copied day has other ids and later times in every row and index, and as many bytes. What its
events' bodies and ranks say of times stays that of the first day; no measured query reads that.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ledger_events import START, Span, history
from sqlalchemy import Connection, Engine, delete, func, select

from shared.ledger.instants import to_microseconds
from shared.ledger.rollups import fill_rollups
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import attempts, daily, daily_waits, decisions, events, jobs
from shared.ledger.writes import record, settle_accounts

BATCH_EVENTS = 500
DAY_MICROSECONDS = 86_400 * 10**6
IDS = {"id", "job_id"}
TIMES = {"at", "state_at", "submitted_at", "deadline", "finished_at", "planned_at", "started_at"}


def build(file: Path, jobs_count: int, days: int, until: datetime | None = None) -> Engine:
    """A ledger of so many jobs over so many days in an SQLite file; an existing one is kept.

    Args:
        file: is made where it is not there yet.
        jobs_count: in all.
        days: that follow each other.
        until: the day in which they end, for readers that go by the clock; without it they follow
            `START`. The first day stays where it is, and its copies end then.
    """
    url = f"sqlite:///{file}"
    if not file.exists():
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        last = days - 1 if until is None else (until - START).days
        _fill(f"sqlite:///{part}", jobs_count // days, range(last - days + 2, last + 1))
        part.rename(file)
    return open_engine(url)


def _fill(url: str, jobs_per_day: int, copies: Iterable[int]) -> None:
    migrate(url)
    engine = open_engine(url)
    write_day(engine, jobs_per_day)
    for day in copies:
        with writing(engine) as connection:
            copy_day(connection, day)
    with writing(engine) as connection:
        for table in (daily, daily_waits):
            connection.execute(delete(table))
        fill_rollups(connection)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def write_day(engine: Engine, jobs_count: int) -> None:
    """The first day, event by event; every job of it has ended."""
    told = list(history(Span(jobs_count, 1.0), unfinished=timedelta()))
    for start in range(0, len(told), BATCH_EVENTS):
        with writing(engine) as connection:
            record(connection, told[start : start + BATCH_EVENTS])
            while settle_accounts(connection):
                pass


def copy_day(connection: Connection, day: int) -> None:
    """The rows of the first day again, so many days later and with ids of their own."""
    mask = int.from_bytes(Random(day).randbytes(16))
    driver: Any = connection.connection.driver_connection
    driver.create_function("other_id", 1, lambda value: _other_id(value, mask))
    shift = day * DAY_MICROSECONDS
    until = to_microseconds(START) + DAY_MICROSECONDS
    offset = connection.scalar(select(func.max(events.c.place))) or 0
    of_first_day = f"job_id IN (SELECT id FROM jobs WHERE submitted_at < {until})"  # noqa: S608 - a number
    for table, order, condition in (
        (jobs, "rowid", f"submitted_at < {until}"),
        (attempts, "started_at", of_first_day),
        (events, "place", of_first_day),
        (decisions, "place", f"place IN (SELECT place FROM events WHERE {of_first_day})"),  # noqa: S608 - a number
    ):
        columns = [column.name for column in table.columns]
        values = ", ".join(_moved(name, shift, offset) for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {values} FROM {table.name}"  # noqa: S608 - our own names
            f" WHERE {condition} ORDER BY {order}"
        )


def _other_id(value: bytes | None, mask: int) -> bytes | None:
    return None if value is None else (int.from_bytes(value) ^ mask).to_bytes(16)


def _moved(name: str, shift: int, offset: int) -> str:
    if name == "place":
        return f"place + {offset}"
    if name in IDS:
        return f"other_id({name})"
    return f"{name} + {shift}" if name in TIMES else name

"""Run reading queries; a database that does not answer becomes one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.ledger.schema import unreachable


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One connection, and so one consistent picture.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unreachable(error) from error


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from one instant to another, not below 0."""
    return max(0.0, (later - earlier).total_seconds())

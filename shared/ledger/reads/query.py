"""Run reading queries; a database that does not answer becomes one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Double, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

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


class total(FunctionElement[float]):  # noqa: N801 - a function of SQL, named as those are
    """A sum in floating point, which is exact for such whole numbers as the roll-ups have.

    It cannot overflow, as sums of 64 bits can.
    """

    type = Double()
    inherit_cache = True
    name = "total"


@compiles(total, "postgresql")
def _total_postgresql(element: total, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"CAST(sum({compiler.process(element.clauses, **more)}) AS DOUBLE PRECISION)"


@compiles(total, "sqlite")
def _total_sqlite(element: total, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"total({compiler.process(element.clauses, **more)})"

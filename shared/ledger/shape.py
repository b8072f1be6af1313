"""Rows as a driver takes and gives them: what the columns' types make of values, looked up once.

A row of `jobs` has some fifty columns, of which an event changes a few. So a row that is read to
be changed and written again stays as the driver gave it, and only what changes is converted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    Dialect,
    Double,
    LargeBinary,
    Select,
    Table,
    null,
    select,
    type_coerce,
)

Row = dict[str, Any]
Converter = Callable[[Any], Any] | None
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the values of a table's columns are stored by one driver; None: just as they are.

    Attributes:
        names: of all columns, in their order.
        storing: what makes a value the driver's.
        speaking: what makes a driver's value one of ours.
    """

    names: Names
    storing: Mapping[str, Converter]
    speaking: Mapping[str, Converter]

    def stored(self, values: Mapping[str, Any]) -> Row:
        """Some columns as the driver takes them."""
        storing = self.storing
        return {
            name: value if (convert := storing[name]) is None else convert(value)
            for name, value in values.items()
        }

    def spoken(self, row: Mapping[str, Any], names: Iterable[str]) -> Row:
        """Some columns of a stored row."""
        speaking = self.speaking
        return {
            name: row[name] if (convert := speaking[name]) is None else convert(row[name])
            for name in names
        }


@lru_cache(maxsize=64)
def shape_of(dialect: Dialect, table: Table) -> Shape:
    """The shape of a table's rows."""
    columns = table.columns
    return Shape(
        names=tuple(column.name for column in columns),
        storing={column.name: _storing(dialect, column) for column in columns},
        speaking={column.name: _speaking(dialect, column) for column in columns},
    )


@lru_cache(maxsize=8)
def select_stored(table: Table) -> Select[*tuple[Any, ...]]:
    """All of a table's rows, as the driver gives them."""
    untyped = null().type
    return select(*(type_coerce(column, untyped).label(column.name) for column in table.columns))


def _storing(dialect: Dialect, column: Column[Any]) -> Converter:
    # The drivers of both databases take bytes; what SQLAlchemy wraps them in is for others.
    if type(column.type) is LargeBinary:
        return None
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _speaking(dialect: Dialect, column: Column[Any]) -> Converter:
    if isinstance(column.type, Double):  # asks for the driver's type; both give a float
        return None
    return column.type.dialect_impl(dialect).result_processor(dialect, None)

"""Views for whoever reads the tables without this program: words, ids and instants spelled out.

`jobs_spelled` shows the rows of `jobs` so, and likewise for each other table with coded columns.
Ranks and packed bytes are left out: `carbon-aware ledger export` tells what is in them.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, inspect

from shared.ledger.instants import Instant
from shared.ledger.stored import WORDS, Identifier, Rank, Word
from shared.ledger.tables import decisions, events, metadata

_SUFFIX = "_spelled"
_CODED = (Identifier, Instant, Word)
_PACKED = (LargeBinary, Rank)
_DASH = " || '-' || "
_ENDS = (0, 8, 12, 16, 20, 32)
"""Where the groups of a UUID's hex digits end."""


def create_views(connection: Connection) -> None:
    """Make every view, of tables as this program knows them."""
    for table in metadata.sorted_tables:
        if any(isinstance(column.type, _CODED) for column in table.columns):
            connection.exec_driver_sql(_view(table, connection.dialect.name))


def drop_views(connection: Connection) -> None:
    """Take every view away, whatever tables it was made of: those may change then."""
    for name in inspect(connection).get_view_names():
        if name.endswith(_SUFFIX):
            connection.exec_driver_sql(f'DROP VIEW "{name}"')


def _view(table: Table, dialect: str) -> str:
    """A decision's view has the id, job and time of its event as well."""
    columns = list(_shown(table))
    source = table.name
    if table is decisions:
        columns += [events.c.id, events.c.job_id, events.c.at]
        source = "decisions JOIN events ON events.place = decisions.place"
    shown = ", ".join(f'{_spelled(column, dialect)} AS "{column.name}"' for column in columns)
    return f"CREATE VIEW {table.name}{_SUFFIX} AS SELECT {shown} FROM {source}"  # noqa: S608 - our own names


def _shown(table: Table) -> Iterator[Column[Any]]:
    return (column for column in table.columns if not isinstance(column.type, _PACKED))


def _spelled(column: Column[Any], dialect: str) -> str:
    """The SQL that spells a column out."""
    name = f'{column.table.name}."{column.name}"'
    if isinstance(column.type, Word):
        cases = " ".join(f"WHEN '{letter}' THEN '{word}'" for word, letter in WORDS.items())
        return f"CASE {name} {cases} ELSE {name} END"
    if dialect == "postgresql":
        is_instant = isinstance(column.type, Instant)
        return f"TIMESTAMPTZ 'epoch' + {name} * INTERVAL '1 microsecond'" if is_instant else name
    if isinstance(column.type, Identifier):
        return _spelled_id(name)
    return _spelled_instant(name) if isinstance(column.type, Instant) else name


def _spelled_id(name: str) -> str:
    """A UUID as SQLite can spell it, from its bytes."""
    groups = pairwise(_ENDS)
    parts = [f"substr(hex({name}), {start + 1}, {end - start})" for start, end in groups]
    return f"CASE WHEN {name} IS NOT NULL THEN lower({_DASH.join(parts)}) END"


def _spelled_instant(name: str) -> str:
    """An instant as SQLite can spell it, to the microsecond."""
    seconds = f"strftime('%Y-%m-%dT%H:%M:%S', {name} / 1000000, 'unixepoch')"
    return f"{seconds} || printf('.%06dZ', {name} % 1000000)"

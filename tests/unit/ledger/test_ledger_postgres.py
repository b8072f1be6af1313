"""The same on PostgreSQL, where `TEST_POSTGRES_URL` names a server on which databases may be made.

The address is that of a database of a user who may create others.
"""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Table, create_engine, select, text
from sqlalchemy.engine import make_url

from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.reads import report
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.rollups import rollups_differences
from shared.ledger.schema import alembic_config, migrate, open_engine, writing
from shared.ledger.tables import metadata
from shared.ledger.writes import record, settle_accounts

SERVER = os.environ.get("TEST_POSTGRES_URL", "")

pytestmark = pytest.mark.skipif(not SERVER, reason="TEST_POSTGRES_URL names no server")


@pytest.fixture
def address() -> Iterator[str]:
    """An empty database of one's own."""
    name = f"ledger_{uuid4().hex[:12]}"
    url = make_url(SERVER).set(drivername="postgresql+psycopg")
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    migrate(address)
    opened = open_engine(address)
    yield opened
    opened.dispose()


def tell(engine: Engine, events: Any) -> None:
    with writing(engine) as connection:
        record(connection, events)
        while settle_accounts(connection):
            pass


def _lasting(table: Table) -> list[Any]:
    """All but the order in which events were recorded."""
    return [column for column in table.columns if column.name != "place"]


def dump(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(*_lasting(table)))), key=repr)
            for table in metadata.sorted_tables
        }


def interrupted(story: Any) -> list[Any]:
    """A job of two pieces that dies, is replayed, and is cut in the end."""
    return [
        *(story.intensity(300 * n, 400.0 - 50 * n) for n in range(5)),
        story.accepted(1, 0),
        story.released(1, 5),
        story.started(1, 10),
        story.progressed(1, 10, 50, 0.5, message="half"),
        story.paused(1, 10, 100, left=200.0),
        story.deferred(1, 101, until=300, deferrals=1, piece=2),
        story.released(1, 300, deferrals=1, piece=2),
        story.failed(1, 310, 400, piece=2),
        story.died(1, 401, 1),
        story.replayed(1, 600, 1, deadline=9000),
        story.released(1, 601, attempts=1, deferrals=1),
        story.started(1, 610, attempt=2),
        story.cut(1, 610, 700, attempt=2),
    ]


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_events_in_any_order_end_in_the_same_tables(engine: Engine, story: Any) -> None:
    told = interrupted(story)
    for event in [*reversed(told), *told[::3]]:
        tell(engine, [event])
    backwards = dump(engine)
    with writing(engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    tell(engine, told)
    assert dump(engine) == backwards
    with engine.connect() as connection:
        assert rollups_differences(connection) == []
    row = reads.job_status(engine, story.job_id(1))
    assert (row.state, row.energy_kwh, row.cancelled_by) == (State.CANCELLED, 3.0, "ana")
    assert [piece.outcome for piece in row.pieces] == ["paused", "failed", "cancelled"]
    assert [entry.action for entry in reads.audit(engine, story.at(0))] == ["replay"]


def test_going_back_and_forth_keeps_the_last_piece(engine: Engine, story: Any) -> None:
    tell(engine, interrupted(story)[:13])
    with writing(engine) as connection:
        command.downgrade(alembic_config(connection), "0002")
        command.upgrade(alembic_config(connection), "head")
    (attempt,) = reads.attempts(engine, story.job_id(1))
    assert (attempt.piece, attempt.outcome, attempt.error) == (1, "failed", "attempt 1 broke")
    assert reads.job_status(engine, story.job_id(1)).state is State.READY


@pytest.mark.parametrize("by", GroupBy)
def test_a_report_is_the_same_in_both_databases(
    engine: Engine, ledger: Any, story: Any, life: Any, by: GroupBy
) -> None:
    unknown = [story.accepted(2, 20), story.succeeded(2, 30, 90, energy_kwh=None)]
    told = [*life, *unknown]
    tell(engine, told)
    ledger.record(*told)
    ledger.settle()
    since, until = story.at(0), story.at(9000)
    found = report.report(engine, since, until, by)
    assert [kind.total.known_jobs for kind in found] == [1, 0]
    assert found == report.report(ledger.engine, since, until, by)
    curves = report.curves(engine, since, until, 7)
    assert curves
    assert curves == report.curves(ledger.engine, since, until, 7)

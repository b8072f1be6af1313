"""A real ledger for each test, in SQLite and in PostgreSQL, and somebody to tell what happened."""

import runpy
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Select, Table, create_engine, select, text
from sqlalchemy.engine import make_url

from shared.ledger.dump import dump_lines
from shared.ledger.prune import Pruning
from shared.ledger.rebuild import check_dump, rebuild
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import account_revisions, decisions, events, jobs, metadata
from shared.ledger.writes import record, settle_accounts
from shared.ledger.writes.retention import Pruned, PruneNote
from shared.messages import AnyEvent

Story: Any = runpy.run_path(str(Path(__file__).parent / "story.py"))["Story"]

Dump = dict[str, list[tuple[Any, ...]]]


class Ledger:
    """A database with tables, and shortcuts to write into it and to see all of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(self, *events: AnyEvent) -> None:
        with writing(self.engine) as connection:
            record(connection, events)

    def settle(self) -> None:
        with writing(self.engine) as connection:
            while settle_accounts(connection):
                pass

    def prune(self, before: datetime) -> Pruned:
        """Delete the jobs and readings from before an instant; the limits that were kept to."""
        at = before + timedelta(days=30)
        pruning = Pruning(PruneNote(UUID(int=1), at, "ana", Pruned(before, before)))
        more = True
        while more:
            with writing(self.engine) as connection:
                more = pruning.step(connection)
        return Pruned(pruning.jobs_before, pruning.readings_before)

    def all_rows(self) -> Dump:
        """Every row of every table, less the places of events, in which a prune leaves holes."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(_placeless(table))), key=repr)
                for table in metadata.sorted_tables
            }

    def dump(self) -> Dump:
        """Every row of every table, but for what the order of arrival decides on purpose.

        How often an account changed before it was what it is, and from what, is the story of how
        things became known; the account itself does not depend on it.
        """
        self.settle()
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(_lasting(table))), key=repr)
                for table in metadata.sorted_tables
                if table is not account_revisions
            }


def _placeless(table: Table) -> Select[Any]:
    return select(*(column for column in table.c if column.name != "place"))


def _lasting(table: Table) -> Select[Any]:
    arrival = (jobs.c.account_version, events.c.place, decisions.c.place)
    return select(*(column for column in table.c if column not in set(arrival)))


NewLedger = Callable[[], Ledger]

MOST_DATABASES = 8
"""More than any test has at a time; older ones are dropped, each takes 8 MB."""


@contextmanager
def sqlite_ledgers(folder: Path) -> Iterator[NewLedger]:
    """Copies of an empty ledger as files."""
    template = folder / "template.db"
    migrate(f"sqlite:///{template}")
    made: list[Engine] = []

    def make() -> Ledger:
        path = folder / f"{len(made)}.db"
        shutil.copy(template, path)
        made.append(open_engine(f"sqlite:///{path}"))
        return Ledger(made[-1])

    yield make
    for engine in made:
        engine.dispose()


class Databases:
    """Empty databases on a PostgreSQL server, dropped in the order in which they were made."""

    def __init__(self, server: str) -> None:
        self._url = make_url(server).set(drivername="postgresql+psycopg")
        self._server = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._mark = f"t_{secrets.token_hex(4)}"
        self._made: list[tuple[str, Engine]] = []
        self._count = 0
        self._run(f"CREATE DATABASE {self._mark}")
        migrate(self.address(self._mark))

    def address(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def make(self) -> Ledger:
        self._count += 1
        name = f"{self._mark}_{self._count}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._mark}")
        self._made.append((name, open_engine(self.address(name))))
        if len(self._made) > MOST_DATABASES:
            self._drop(*self._made.pop(0))
        return Ledger(self._made[-1][1])

    def close(self) -> None:
        for name, engine in self._made:
            self._drop(name, engine)
        self._run(f"DROP DATABASE {self._mark}")
        self._server.dispose()

    def _drop(self, name: str, engine: Engine) -> None:
        engine.dispose()
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with self._server.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewLedger]:
    """Makes as many empty ledgers as wanted, in each of the two databases."""
    if request.param == "sqlite":
        with sqlite_ledgers(tmp_path_factory.mktemp("ledgers")) as make:
            yield make
        return
    databases = Databases(request.getfixturevalue("postgres_server"))
    yield databases.make
    databases.close()


@pytest.fixture
def ledger(new_ledger: NewLedger) -> Ledger:
    return new_ledger()


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """For what is about SQLite alone."""
    with sqlite_ledgers(tmp_path) as make:
        yield make()


@pytest.fixture
def postgres_ledger(postgres_server: str) -> Iterator[Ledger]:
    """For what is about PostgreSQL alone."""
    databases = Databases(postgres_server)
    yield databases.make()
    databases.close()


@pytest.fixture
def story() -> Any:
    return Story()


@pytest.fixture(scope="session")
def new_story() -> Callable[[], Any]:
    return Story


@pytest.fixture
def life(story: Any) -> Sequence[AnyEvent]:
    """A job that is deferred once, fails once and then succeeds, on a known grid."""
    grid = [story.intensity(300 * n, 400.0 - 20 * n) for n in range(10)]
    return [
        *grid,
        story.accepted(1, 10),
        story.deferred(1, 11, until=600, deferrals=1, promised_g=120.0),
        story.released(1, 600, deferrals=1, promised_g=120.0),
        story.started(1, 610),
        story.failed(1, 610, 700, energy_kwh=0.5),
        story.retried(1, 700, 1, until=720),
        story.released(1, 725, attempts=1, deferrals=1, promised_g=120.0),
        story.started(1, 730, attempt=2),
        story.succeeded(1, 730, 1030, attempt=2, energy_kwh=1.0, result={"rows": 3}),
    ]


@pytest.fixture
def rebuilt(new_ledger: NewLedger, story: Any) -> Callable[[Ledger], Ledger]:
    """Makes a second ledger from what the first one exports."""

    def make(ledger: Ledger) -> Ledger:
        lines = list(dump_lines(ledger.engine, story.at(10**8)))
        other = new_ledger()
        rebuild(other.engine, lines, check_dump(lines), lambda _: None)
        return other

    return make

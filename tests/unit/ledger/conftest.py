"""A real SQLite ledger for each test, and somebody to tell what happened."""

import runpy
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Select, Table, select

from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import metadata
from shared.ledger.writes import record, settle_accounts
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

    def dump(self) -> Dump:
        """Every row of every table, less the order in which events were recorded."""
        self.settle()
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(_all_of(table))), key=repr)
                for table in metadata.sorted_tables
            }


def _all_of(table: Table) -> Select[Any]:
    return select(*(column for column in table.columns if column.name != "place"))


NewLedger = Callable[[], Ledger]


@pytest.fixture(scope="session")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewLedger]:
    """Makes as many empty ledgers as wanted."""
    folder: Path = tmp_path_factory.mktemp("ledgers")
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


@pytest.fixture
def ledger(new_ledger: NewLedger) -> Ledger:
    return new_ledger()


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

"""A ledger whose database or broker goes away says so, waits, and goes on where it was."""

import runpy
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError

from shared.ledger import schema
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import attempts, jobs

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "ledger_under_test.py")))
two_events = HERE.two_events
LIMIT_SECONDS = 60


@pytest.fixture
def service(deployment: Any, tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    engine = open_engine(url)
    yield HERE.Service(deployment, url, engine)
    engine.dispose()


async def test_it_pauses_while_the_database_is_locked(
    service: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 10)
    impatient = open_engine(service.url)
    async with service.inside(impatient) as ledger:
        with writing(service.engine):
            await service.tell(two_events(1))
            await until(lambda: not ledger.facts()["writing"])

            async def given_back() -> bool:
                return await service.waiting() == 2

            await until(given_back)  # it holds nothing while it cannot write
        await until(lambda: service.count() == 2, LIMIT_SECONDS)
        await until(lambda: ledger.facts()["writing"])
    assert await service.waiting() == 0
    impatient.dispose()


async def test_it_goes_on_after_the_broker_was_gone(service: Any, until: Any) -> None:
    async with service.inside():
        await service.tell(two_events(1))
        await until(lambda: service.count() == 2)
        await service.connections[0].close()
        await service.tell(two_events(2))
        await until(lambda: service.count() == 4)
    assert len(service.connections) == 2


async def test_it_pauses_while_the_disk_is_full(service: Any, until: Any) -> None:
    cramped = open_engine(service.url)
    cramped.dispose()  # so that the limit holds for every connection
    event.listen(cramped, "connect", _fill_disk)
    async with service.inside(cramped) as ledger:
        told = [each for number in range(200) for each in two_events(number)]
        await service.tell(told)
        await until(lambda: not ledger.facts()["writing"])
        assert "cannot be written" in ledger.problems()["database"]
        assert service.count() < len(told)
        event.remove(cramped, "connect", _fill_disk)
        cramped.dispose()  # there is room again
        await until(lambda: service.count() == len(told), LIMIT_SECONDS)
        await until(lambda: ledger.facts()["writing"])
    assert await service.waiting() == 0
    cramped.dispose()


def _fill_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size instead


async def test_postgresql_restarts_under_load(
    deployment: Any, until: Any, start_postgres: Any
) -> None:
    told = [each for number in range(1500) for each in two_events(number)]
    with ExitStack() as server:
        url = server.enter_context(start_postgres())
        migrate(url)
        service = HERE.Service(deployment, url, open_engine(url))
        async with service.inside() as ledger:
            await service.tell(told[:1500])
            await until(lambda: service.count() >= 100, LIMIT_SECONDS)
            server.close()
            await service.tell(told[1500:])
            await until(lambda: not ledger.facts()["writing"], LIMIT_SECONDS)
            server.enter_context(start_postgres())
            await until(lambda: _counted(service) == len(told), LIMIT_SECONDS)
            await until(lambda: ledger.facts()["writing"])
        assert await service.waiting() == 0
        assert (service.count(jobs), service.count(attempts)) == (1500, 1500)
        with service.engine.connect() as connection:
            assert connection.scalar(select(func.sum(attempts.c.energy_kwh))) == 750.0
        service.engine.dispose()


def _counted(service: Any) -> int:
    """How many events there are; none while the database is not there."""
    try:
        return int(service.count())
    except DBAPIError:
        return 0

"""When the ledger knows all that waited for it."""

from collections.abc import Iterable
from typing import Any

import pytest
from aio_pika.abc import AbstractConnection

from services.ledger import backlog as module
from services.ledger.backlog import Backlog
from shared.broker.topology import Topology

CONNECTION: Any = object()
QUEUE = Topology(("R",), 30, "t").ledger_events


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the queue holds each time that it is asked; the test fills it."""
    to_come: list[int] = []

    async def answer(connection: AbstractConnection, names: Iterable[str]) -> dict[str, int]:
        assert connection is CONNECTION
        return {name: to_come.pop(0) for name in names}

    monkeypatch.setattr(module, "message_counts", answer)
    return to_come


async def test_an_empty_queue_is_no_backlog(counts: list[int]) -> None:
    backlog = Backlog(QUEUE)
    assert not backlog.is_written.is_set()
    counts[:] = [0]
    await backlog.begin(CONNECTION)
    assert backlog.is_written.is_set()


async def test_the_queue_is_asked_again_when_what_waited_is_written(counts: list[int]) -> None:
    backlog = Backlog(QUEUE)
    counts[:] = [100, 30, 0]
    await backlog.begin(CONNECTION)
    await backlog.wrote(CONNECTION, 60)
    assert counts == [30, 0], "40 are left of those that waited"
    await backlog.wrote(CONNECTION, 60)
    assert counts == [0]
    assert not backlog.is_written.is_set(), "30 came meanwhile"
    await backlog.wrote(CONNECTION, 30)
    assert backlog.is_written.is_set()
    await backlog.wrote(CONNECTION, 10)
    assert counts == [], "nobody asks after that"


async def test_each_session_looks_anew(counts: list[int]) -> None:
    backlog = Backlog(QUEUE)
    counts[:] = [0, 5]
    await backlog.begin(CONNECTION)
    backlog.end()
    assert not backlog.is_written.is_set()
    await backlog.begin(CONNECTION)
    assert not backlog.is_written.is_set()
    assert counts == []

"""A ledger reads the next batch while one is committed, and acknowledges none before its commit."""

import runpy
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from services.ledger import recorder, service
from shared.errors import LedgerUnreachable
from shared.ledger.schema import migrate, open_engine

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "ledger_under_test.py")))
LIMIT_SECONDS = 60
BATCH_EVENTS = 50
"""Of the ledger under test."""
TOLD = [event for number in range(100) for event in HERE.two_events(number)]


@pytest.fixture
def sound(deployment: Any, tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    engine = open_engine(url)
    yield HERE.Service(deployment, url, engine)
    engine.dispose()


class Reading:
    """Counts the whole batches that were read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.second = threading.Event()
        self._whole = 0
        monkeypatch.setattr(service, "read", self._read)

    def _read(self, bodies: Sequence[bytes]) -> recorder.Batch:
        batch = recorder.read(bodies)
        self._whole += len(bodies) == BATCH_EVENTS
        if self._whole == 2:
            self.second.set()
        return batch


class Waiting(recorder.Recorder):
    """Commits its first whole batch when the second one was read, or never, as is asked."""

    def __init__(self, engine: Engine, reading: Reading, *, fails: bool) -> None:
        super().__init__(engine)
        self._reading = reading
        self._fails = fails
        self.sizes: list[int] = []

    def commit(self, batch: recorder.Batch) -> list[recorder.Poison]:
        self.sizes.append(len(batch.told))
        if len(batch.told) == BATCH_EVENTS and self.sizes.count(BATCH_EVENTS) == 1:
            assert self._reading.second.wait(LIMIT_SECONDS), "nothing was read meanwhile"
            if self._fails:
                raise LedgerUnreachable("the database does not answer")
        return super().commit(batch)


@pytest.mark.parametrize("fails", [False, True])
async def test_the_next_batch_is_read_meanwhile_and_none_is_lost(
    sound: Any, until: Any, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    reading = Reading(monkeypatch)
    await sound.tell(TOLD)
    waiting = Waiting(sound.engine, reading, fails=fails)
    async with sound.inside(recorder=waiting) as ledger:
        await until(lambda: sound.count() == len(TOLD), LIMIT_SECONDS)
        await until(lambda: ledger.recorded == len(TOLD), LIMIT_SECONDS)
    assert ledger.facts()["writing"] is True
    assert await sound.waiting() == 0
    assert sum(waiting.sizes) == len(TOLD) + (BATCH_EVENTS if fails else 0)

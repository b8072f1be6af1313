"""The service's own daily prune."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select

from services.ledger import retention as module
from services.ledger.recorder import Recorder
from services.ledger.retention import Pruner, Retention
from services.ledger.settings import LedgerSettings
from shared.errors import ConfigurationError
from shared.ledger.schema import writing
from shared.ledger.tables import daily, jobs
from shared.ledger.writes.retention import Pruned, prune_notes
from shared.messages import encode

DAY = 86_400.0
LIMIT_SECONDS = 20.0


def count(ledger: Any) -> int:
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(jobs))


def notes(ledger: Any) -> list[Any]:
    with ledger.engine.connect() as connection:
        return prune_notes(connection)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


class Days:
    """A pruner on a clock that the test turns."""

    def __init__(self, ledger: Any, story: Any, days: float) -> None:
        self.now = story.at(days * DAY)
        self.stop, self.written = asyncio.Event(), asyncio.Event()
        self.written.set()
        retention = Retention(timedelta(days=5), timedelta(days=7))
        self.pruner = Pruner(
            ledger.engine, retention, lambda: self.now, uuid4, self.stop, self.written
        )


async def test_it_prunes_at_its_start_and_every_day(
    ledger: Any, story: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    ledger.record(*life)
    days = Days(ledger, story, days=4)
    task = asyncio.create_task(days.pruner.run())
    await until(lambda: len(notes(ledger)) >= 2)
    assert count(ledger) == 1
    days.now = story.at(6 * DAY)
    both = Pruned(story.at(DAY), story.at(-DAY))
    await until(lambda: notes(ledger)[-1].pruned == both)
    days.stop.set()
    await task
    assert (days.pruner.pruned_jobs, count(ledger)) == (1, 0)
    assert notes(ledger)[-1].by == "ledger"


async def test_told_to_stop_it_ends_between_two_pieces(
    ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.prune.JOBS_AT_ONCE", 1)
    for number in range(1, 9):
        ledger.record(story.accepted(number, 0), story.succeeded(number, 1, 2))
    days = Days(ledger, story, days=9)
    asked = asyncio.get_running_loop()
    event.listen(ledger.engine, "commit", lambda _: asked.call_soon_threadsafe(days.stop.set))
    await days.pruner.run()
    assert 0 < count(ledger) < 8


async def test_a_database_that_refuses_is_asked_again(
    sqlite_ledger: Any, story: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    sqlite_ledger.record(*life)
    days = Days(sqlite_ledger, story, days=9)
    refused: list[str] = []
    with sqlite_ledger.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE attempts RENAME TO away")
        connection.commit()
    monkeypatch.setattr(module.log, "warning", lambda what, **_: refused.append(what))
    task = asyncio.create_task(days.pruner.run())
    await until(lambda: len(refused) >= 2)
    with writing(sqlite_ledger.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO attempts")
    await until(lambda: count(sqlite_ledger) == 0)
    days.stop.set()
    await task


async def test_nothing_goes_while_a_backlog_is_written(
    sqlite_ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the start, and not on a later day either."""
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    days, done = Days(sqlite_ledger, story, days=9), []
    days.written.clear()

    async def prune() -> None:
        done.append("pruned")
        days.written.clear()

    monkeypatch.setattr(days.pruner, "prune", prune)
    task = asyncio.create_task(days.pruner.run())
    for count_before in (0, 1):
        for _ in range(20):  # turns of the loop, in which it could go on
            await asyncio.sleep(0)
        assert len(done) == count_before
        days.written.set()
        await until(lambda so_far=count_before: len(done) > so_far)
    days.stop.set()
    async with asyncio.timeout(LIMIT_SECONDS):
        await task
    assert len(done) == 2


async def test_what_a_ledger_finds_after_a_long_time_is_in_its_roll_ups(
    ledger: Any, story: Any, life: Any
) -> None:
    """Its job ended four days before the limit, and still it counts."""
    recorder, days = Recorder(ledger.engine), Days(ledger, story, days=9)
    days.written.clear()
    task = asyncio.create_task(days.pruner.run())
    assert recorder.write([encode(told) for told in life]) == []
    days.written.set()
    await until(lambda: days.pruner.pruned_jobs == 1)
    days.stop.set()
    await task
    assert (recorder.too_late, count(ledger)) == (0, 0)
    with ledger.engine.connect() as connection:
        assert connection.scalar(select(func.sum(daily.c.known_jobs))) == 1


async def test_it_says_what_it_could_not_prune_and_which_dead_jobs_it_did(
    ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    for level in ("info", "warning"):
        monkeypatch.setattr(module.log, level, lambda what, **more: said.append((what, more)))
    ledger.record(story.accepted(1, 0), story.failed(1, 1, 2), story.died(1, 3, 1))
    ledger.record(story.accepted(2, 0), story.succeeded(2, 1, 2))
    ledger.record(story.accepted(3, 60), story.deferred(3, 61, until=600))
    await Days(ledger, story, days=9).pruner.prune()
    (pruned, went), (held, why) = said
    assert (pruned, went["jobs"], went["dead_jobs"]) == ("pruned", 2, 1)
    assert held == "readings stay for a job that has not ended"
    assert (why["job_id"], why["state"]) == (str(story.job_id(3)), "deferred")
    assert why["began_at"] == story.at(60).isoformat()
    assert why["readings_before"] == story.at(60 - DAY).isoformat()


async def test_a_young_job_that_has_not_ended_is_not_worth_a_word(
    ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(module.log, "warning", lambda what, **_: said.append(what))
    ledger.record(story.accepted(1, 8 * DAY), story.started(1, 8 * DAY + 1))
    await Days(ledger, story, days=9).pruner.prune()
    assert said == []


async def test_what_comes_too_late_is_counted(ledger: Any, story: Any, life: Any) -> None:
    recorder = Recorder(ledger.engine)
    assert recorder.write([encode(told) for told in life]) == []
    assert recorder.too_late == 0
    await Days(ledger, story, days=9).pruner.prune()
    assert recorder.write([encode(told) for told in life[-3:]]) == []
    assert (recorder.too_late, count(ledger)) == (3, 0)


def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, **variables: str) -> LedgerSettings:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return LedgerSettings.load()


def test_nothing_goes_unless_somebody_says_so(monkeypatch: Any, tmp_path: Any) -> None:
    assert load(monkeypatch, tmp_path).retention() is None


def test_readings_stay_as_long_as_jobs_or_longer(monkeypatch: Any, tmp_path: Any) -> None:
    kept = timedelta(days=90)
    assert load(monkeypatch, tmp_path, RETENTION_DAYS="90").retention() == Retention(kept, kept)
    longer = load(monkeypatch, tmp_path, RETENTION_READINGS_DAYS="400").retention()
    assert longer == Retention(kept, timedelta(days=400))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RETENTION_DAYS", "0", "retention_days: input should be greater than 0"),
        ("RETENTION_READINGS_DAYS", "30", "set RETENTION_DAYS as well"),
    ],
)
def test_a_wrong_retention_is_one_line(
    monkeypatch: Any, tmp_path: Any, name: str, value: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        load(monkeypatch, tmp_path, **{name: value})
    assert "\n" not in str(caught.value)

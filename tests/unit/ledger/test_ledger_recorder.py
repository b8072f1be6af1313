"""Batches, poison, and a database that takes nothing."""

from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import event, func, select

from services.ledger import recorder
from services.ledger.recorder import Recorder
from shared.errors import LedgerUnreachable
from shared.ledger import reads, schema
from shared.ledger.schema import open_engine, writing
from shared.ledger.tables import events
from shared.ledger.writes import tell
from shared.messages import encode


def count(ledger: Any) -> int:
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(events))


def test_a_batch_is_one_transaction(ledger: Any, life: Any) -> None:
    begun: list[object] = []
    event.listen(ledger.engine, "begin", begun.append)
    assert Recorder(ledger.engine).write([encode(told) for told in life]) == []
    assert (len(begun), count(ledger) if len(begun) == 1 else 0) == (1, len(life))


def test_what_cannot_be_read_is_poison_and_the_rest_is_kept(ledger: Any, life: Any) -> None:
    bodies = [encode(told) for told in life]
    bodies[3:3] = [b"\xff not JSON", b'{"type": "job.unheard-of.v1"}']
    poison = Recorder(ledger.engine).write(bodies)
    assert [spoiled.place for spoiled in poison] == [3, 4]
    assert all(spoiled.reason.startswith("not an event: ") for spoiled in poison)
    assert count(ledger) == len(life)


def test_an_event_that_breaks_the_telling_of_it_is_poison(
    ledger: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(event: Any) -> Any:
        if event.id == life[3].id:
            raise OverflowError("date value out of range")
        return tell(event)

    monkeypatch.setattr(recorder, "tell", told)
    poison = Recorder(ledger.engine).write([encode(event) for event in life])
    assert poison == [recorder.Poison(3, "it cannot be told: date value out of range")]
    assert count(ledger) == len(life) - 1


def test_one_event_that_the_database_refuses_does_not_stop_the_others(
    ledger: Any, story: Any, life: Any
) -> None:
    huge = story.started(1, 5, attempt=2**70)
    poison = Recorder(ledger.engine).write([encode(told) for told in [*life[:5], huge, *life[5:]]])
    assert [spoiled.place for spoiled in poison] == [5]
    assert "too large" in poison[0].reason or "too big" in poison[0].reason
    assert count(ledger) == len(life)


def test_what_is_too_long_for_an_index_is_poison_and_the_database_is_not_away(
    ledger: Any, story: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To PostgreSQL's driver it is the same kind of error as a lost connection."""
    name = "".join(sha256(bytes([n])).hexdigest() for n in range(256))  # does not compress well
    beat = story.beat(1).model_copy(update={"instance": name})
    told = dict(enumerate(tell(event) for event in [*life, beat]))
    monkeypatch.setattr(recorder, "_decode", lambda _: (told, []))  # whose bounds would refuse it
    poison = Recorder(ledger.engine).write([])
    if ledger.engine.dialect.name == "postgresql":
        assert [spoiled.place for spoiled in poison] == [len(life)]
        assert "index row" in poison[0].reason
    else:
        assert poison == []
    assert count(ledger) == len(life)


def test_a_full_disk_is_no_poison(sqlite_ledger: Any, story: Any) -> None:
    sqlite_ledger.engine.dispose()  # so that the limit holds for every connection
    event.listen(sqlite_ledger.engine, "connect", _fill_disk)
    bodies = [encode(story.accepted(number, 0)) for number in range(400)]
    with pytest.raises(LedgerUnreachable, match="full"):
        Recorder(sqlite_ledger.engine).write(bodies)
    event.remove(sqlite_ledger.engine, "connect", _fill_disk)
    sqlite_ledger.engine.dispose()
    assert count(sqlite_ledger) == 0
    assert Recorder(sqlite_ledger.engine).write(bodies) == []
    assert count(sqlite_ledger) == len(bodies)


def _fill_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size instead


def test_a_locked_database_is_no_poison(
    sqlite_ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 10)
    other = open_engine(str(sqlite_ledger.engine.url))
    with (
        writing(sqlite_ledger.engine),
        pytest.raises(LedgerUnreachable, match="database is locked"),
    ):
        Recorder(other).write([encode(story.accepted(1, 0))])
    assert Recorder(other).write([encode(story.accepted(1, 0))]) == []
    other.dispose()


def test_a_zero_byte_in_a_text_loses_no_event(ledger: Any, story: Any) -> None:
    """What a broken program prints may have one; PostgreSQL's texts cannot."""
    failed = story.failed(1, 10, 20).model_copy(
        update={"error": "exit 1: \0\0 \\u0000", "traceback": "\0"}
    )
    done = story.succeeded(2, 10, 20, result={"raw": "a\0b", "\0": "\\\0"})
    assert Recorder(ledger.engine).write([encode(failed), encode(done)]) == []
    (piece,) = reads.attempts(ledger.engine, story.job_id(1))
    assert (piece.error, piece.traceback) == ("exit 1: \ufffd\ufffd \\u0000", "\ufffd")
    result = reads.job_status(ledger.engine, story.job_id(2)).result
    assert result == {"raw": "a\ufffdb", "\ufffd": "\\\ufffd"}

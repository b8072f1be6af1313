"""Many rows at once: the same in both databases, whatever is there and whatever comes twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DataError, IntegrityError

from shared.ledger.contributions import AMOUNTS
from shared.ledger.schema import writing
from shared.ledger.shape import select_stored, shape_of
from shared.ledger.tables import attempts, daily, jobs, rejections
from shared.ledger.upsert import add, among, insert, insert_new, put, upsert


@pytest.fixture
def connection(ledger: Any) -> Any:
    with writing(ledger.engine) as connection:
        yield connection


def piece(story: Any, number: int, rank: str, region: str = "R") -> dict[str, Any]:
    """A row of `attempts`."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in attempts.columns)
    told = {"job_id": story.job_id(number), "attempt": 1, "piece": 1, "key": rank, "pool": "p"}
    return row | told | {"region": region, "started_at": story.at(number)}


def rejection(story: Any, number: int, reason: str = "no") -> dict[str, Any]:
    told = {"event_id": UUID(int=number), "at": story.at(0)}
    return told | {"job_id": None, "reason": reason}


def reasons(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(rejections.c.reason)))


def regions(connection: Connection) -> list[str]:
    return list(connection.scalars(select(attempts.c.region).order_by(attempts.c.started_at)))


def test_no_rows_are_none(connection: Any) -> None:
    insert(connection, rejections, [])
    upsert(connection, attempts, [])
    put(connection, jobs, [])
    add(connection, daily, [])
    assert reasons(connection) == []


@pytest.mark.parametrize("count", [1, 2, 3000])
def test_any_number_of_rows_is_inserted(connection: Any, story: Any, count: int) -> None:
    insert(connection, rejections, [rejection(story, number) for number in range(count)])
    assert connection.scalar(select(func.count()).select_from(rejections)) == count


def test_a_known_row_is_refused_kept_or_replaced(ledger: Any, story: Any) -> None:
    with writing(ledger.engine) as connection:
        insert(connection, rejections, [rejection(story, 1, "first")])
    with writing(ledger.engine) as connection:
        twice = [rejection(story, 2, "second"), rejection(story, 2, "again")]
        insert_new(connection, rejections, [rejection(story, 1, "other"), *twice])
        assert reasons(connection) == ["first", "second"]
        upsert(connection, rejections, [rejection(story, 1, "other"), rejection(story, 3, "third")])
        assert reasons(connection) == ["other", "second", "third"]
    with pytest.raises(IntegrityError), writing(ledger.engine) as connection:
        insert(connection, rejections, [rejection(story, 4), rejection(story, 1)])
    with writing(ledger.engine) as connection:
        assert reasons(connection) == ["other", "second", "third"]


def test_only_a_newer_row_replaces_one(connection: Any, story: Any) -> None:
    upsert(connection, attempts, [piece(story, 1, "50", "A"), piece(story, 2, "50", "B")])
    older_and_newer = [piece(story, 1, "49", "C"), piece(story, 2, "51", "D")]
    upsert(connection, attempts, older_and_newer, newer_by="key")
    assert regions(connection) == ["A", "D"]


def test_of_the_same_row_twice_the_newest_counts(connection: Any, story: Any) -> None:
    told = [piece(story, 1, rank, region) for rank, region in (("5a", "A"), ("5c", "C"))]
    upsert(connection, attempts, [*told, piece(story, 1, "5b", "B")], newer_by="key")
    assert regions(connection) == ["C"]
    upsert(connection, attempts, [piece(story, 1, "5c", "D"), piece(story, 1, "5c", "E")])
    assert regions(connection) == ["E"]


def test_numbers_are_added(connection: Any) -> None:
    key = (20_000, "R", "etl", "N", "s", "m", False)
    other = (20_001, *key[1:])
    add(connection, daily, [(*key, *range(len(AMOUNTS)))])
    add(connection, daily, [(*key, *[2] * len(AMOUNTS)), (*other, *[1] * len(AMOUNTS))])
    found = connection.execute(select(daily).order_by(daily.c.day)).all()
    assert [row[0] for row in found] == [20_000, 20_001]
    assert found[0][len(key) :] == tuple(number + 2 for number in range(len(AMOUNTS)))


def test_what_was_taken_back_is_not_written_later(ledger: Any, story: Any) -> None:
    with ledger.engine.connect() as connection:
        upsert(connection, attempts, [piece(story, 1, "50")])
        connection.rollback()
    with writing(ledger.engine) as connection:
        upsert(connection, attempts, [piece(story, 2, "50", "B")])
        assert regions(connection) == ["B"]


def test_a_stored_row_comes_back_and_says_the_same(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    shape = shape_of(ledger.engine.dialect, jobs)
    with writing(ledger.engine) as connection:
        (stored,) = connection.execute(select_stored(jobs))
        row = dict(zip(shape.names, stored, strict=True))
        told = connection.execute(select(jobs)).one()
        assert shape.spoken(row, shape.names) == dict(told._mapping)
        assert shape.stored(dict(told._mapping)) == row
        later = story.at(0) + timedelta(days=1)
        put(connection, jobs, [row | shape.stored({"deadline": later, "state": "dead"})])
        changed = connection.execute(select(jobs)).one()
    assert dict(changed._mapping) == dict(told._mapping) | {"deadline": later, "state": "dead"}


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_rows_are_found_among_any_number_of_ids(connection: Any, story: Any, count: int) -> None:
    insert(connection, rejections, [rejection(story, number) for number in (1, 3, 9999)])
    wanted = among(connection, rejections.c.event_id, [UUID(int=n) for n in range(count)])
    found = connection.scalars(select(rejections.c.event_id).where(wanted)).all()
    assert sorted(found) == [UUID(int=n) for n in (1, 3) if n < count]


def test_what_the_server_refuses_is_told_as_of_any_statement(
    postgres_ledger: Any, story: Any
) -> None:
    with pytest.raises(DataError, match="0x00"), writing(postgres_ledger.engine) as connection:
        insert(connection, rejections, [rejection(story, 1, "a\0b"), rejection(story, 2)])
    with writing(postgres_ledger.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM rejections")) == 0

"""What is stored in few bytes comes back whole, and sorts as it did."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared.ledger import reads
from shared.ledger.decided import told, told_body
from shared.ledger.event_bodies import stored_body, whole_body
from shared.ledger.stored import WORDS, Identifier, Word, pack_rank, unpack_rank
from shared.ledger.tables import events
from shared.messages import decode_event, encode

RANKS = st.text("0123456789abcdef", max_size=60)
MOST_BYTES_OF_A_LIFE = 520


@settings(deadline=None)
@given(RANKS)
def test_a_rank_comes_back(text: str) -> None:
    assert unpack_rank(pack_rank(text)) == text
    assert len(pack_rank(text)) <= len(text) / 2 + 1


@settings(deadline=None)
@given(st.integers(0, 60), st.data())
def test_ranks_of_one_width_keep_their_order(width: int, data: st.DataObject) -> None:
    digits = st.text("0123456789abcdef", min_size=width, max_size=width)
    first, second = data.draw(digits), data.draw(digits)
    assert (pack_rank(first) < pack_rank(second)) == (first < second)


def test_every_word_has_a_letter_of_its_own() -> None:
    assert len(set(WORDS.values())) == len(WORDS)
    assert not set(WORDS) & set(WORDS.values())


def test_words_come_back_also_those_without_a_letter(ledger: Any) -> None:
    word, dialect = Word(), ledger.engine.dialect
    for text in (*WORDS, "", "something else", None):
        stored = word.process_bind_param(text, dialect)
        assert word.process_result_value(stored, dialect) == text
    with pytest.raises(ValueError, match="can be no word"):
        word.process_bind_param(WORDS["deferred"], dialect)


@settings(deadline=None)
@given(st.uuids())
def test_an_id_is_16_bytes_in_sqlite(identifier: UUID) -> None:
    dialect: Any = type("Dialect", (), {"name": "sqlite"})()
    stored = Identifier().process_bind_param(identifier, dialect)
    assert stored == identifier.bytes
    assert Identifier().process_result_value(stored, dialect) == identifier


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), st.recursive(st.text() | st.none(), st.lists)),
    st.uuids(),
    st.none() | st.uuids(),
)
def test_any_body_comes_back(
    new_story: Any, content: dict[str, Any], event_id: UUID, job_id: UUID | None
) -> None:
    at = new_story().at(0.25)
    mentioned = {"id": str(event_id), "job": str(job_id), "at": at.isoformat(), "more": content}
    for text in (json.dumps(mentioned), json.dumps(mentioned, ensure_ascii=False)):
        assert whole_body(stored_body(text, event_id, job_id, at), event_id, job_id, at) == text


def test_a_body_of_another_format_is_named(story: Any) -> None:
    with pytest.raises(ValueError, match="unknown format 07"):
        whole_body(b"\x07abc", story.job_id(1), None, story.at(0))


def test_the_recorded_events_are_those_that_were_told(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    with ledger.engine.connect() as connection:
        rows = connection.execute(told().order_by(events.c.place)).all()
    bodies = [told_body(row) for row in rows]
    assert [body.encode() for body in bodies] == [encode(event) for event in life]
    assert [decode_event(body.encode()) for body in bodies] == list(life)
    recent = [row.body for row in reads.recent_events(ledger.engine, 100)]
    assert recent == bodies[::-1]


def test_a_typical_life_takes_few_bytes(ledger: Any, story: Any) -> None:
    ledger.record(
        story.accepted(1, 0.123),
        story.deferred(1, 0.5, until=600, deferrals=1, promised_g=17.123456789),
        story.released(1, 600.25, deferrals=1, promised_g=17.123456789),
        story.started(1, 601.5),
        story.succeeded(1, 601.5, 902.75, energy_kwh=0.123456789, result={"rows": 17}),
    )
    with ledger.engine.connect() as connection:
        sizes = [len(body) for body in connection.scalars(select(events.c.body))]
    assert sum(sizes) < MOST_BYTES_OF_A_LIFE

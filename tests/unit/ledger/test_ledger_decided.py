"""Decisions are rows that SQL can ask, and nothing of their events is lost by that."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import Lane
from shared.domain.reasons import Cause, Numbers
from shared.ledger.decided import NAMES, told, told_decision
from shared.ledger.tables import decisions, events
from shared.messages import Decided, JobDeferred, JobExpired, JobReleased, encode
from shared.messages.bounds import MOST_GRAMS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 10**16).map(lambda n: _EPOCH + timedelta(microseconds=n))
# SQLite keeps whole numbers without their fraction, and so no zero below zero.
FIGURES = st.none() | st.floats(-MOST_GRAMS, MOST_GRAMS).map(lambda x: x + 0.0)
COUNTS = st.integers(0, 10**6)
# PostgreSQL's text holds no zero character, and neither database one half of a pair.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
NUMBERS = st.builds(
    Numbers,
    region=TEXTS,
    band=st.sampled_from(Band),
    limit=st.sampled_from(Band),
    latest_start=INSTANTS,
    freshness=st.sampled_from(Freshness),
    intensity_g_per_kwh=FIGURES,
    index_percent=FIGURES,
    forecast_age_seconds=FIGURES,
    window_g_per_kwh=FIGURES,
    expected_g_per_kwh=FIGURES,
    expected_saving_g=FIGURES,
)
COMMON: dict[str, Any] = {
    "id": st.uuids(),
    "at": INSTANTS,
    "job_id": st.uuids(),
    "cause": st.sampled_from(Cause),
    "reason": TEXTS,
    "numbers": NUMBERS,
    "attempts": COUNTS,
    "deferrals": COUNTS,
    "piece": COUNTS,
    "promised_g": FIGURES,
}
DECISIONS: st.SearchStrategy[Decided] = st.one_of(
    st.builds(JobDeferred, **COMMON, planned_at=INSTANTS, slot=st.integers(0, 2**40)),
    st.builds(JobReleased, **COMMON, region=TEXTS, lane=st.sampled_from(Lane)),
    st.builds(JobExpired, **COMMON),
)
EVENTS = st.lists(DECISIONS, min_size=1, max_size=3, unique_by=lambda event: event.id)


@pytest.mark.parametrize("new_ledger", ["sqlite"], indirect=True)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told_events=EVENTS)
def test_every_field_comes_back(new_ledger: Callable[[], Any], told_events: list[Decided]) -> None:
    check_round_trip(new_ledger(), told_events)


@pytest.mark.parametrize("new_ledger", ["postgresql"], indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told_events=EVENTS)
def test_every_field_comes_back_from_postgresql(
    new_ledger: Callable[[], Any], told_events: list[Decided]
) -> None:
    check_round_trip(new_ledger(), told_events)


def check_round_trip(ledger: Any, told_events: list[Decided]) -> None:
    ledger.record(*told_events)
    with ledger.engine.connect() as connection:
        rows = connection.execute(told().order_by(events.c.place)).all()
    again = [told_decision(row) for row in rows]
    assert again == told_events
    assert [encode(event) for event in again] == [encode(event) for event in told_events]


def test_an_auditor_may_ask_for_them_by_sql(ledger: Any, story: Any) -> None:
    ledger.record(
        story.accepted(1, 0),
        story.deferred(1, 5, until=600, deferrals=1, promised_g=120.0),
        story.released(1, 600, deferrals=1, promised_g=120.0),
    )
    query = (
        "SELECT d.intensity_g_per_kwh, d.expected_g_per_kwh, d.expected_saving_g, d.promised_g"
        " FROM decisions d JOIN events e ON e.place = d.place WHERE d.planned_at IS NOT NULL"
    )
    with ledger.engine.connect() as connection:
        found = connection.exec_driver_sql(query).all()
        kinds = connection.scalars(select(decisions.c.outcome).order_by(decisions.c.place)).all()
    assert [tuple(row) for row in found] == [(420.0, 200.0, 210.0, 120.0)]
    assert kinds == ["deferred", "released"]


def test_each_decision_has_one_row_and_no_other_event_has(ledger: Any, life: Any) -> None:
    ledger.record(*life, *life)
    decided = select(func.count()).select_from(events).where(events.c.type.in_(NAMES))
    with ledger.engine.connect() as connection:
        rows = connection.scalar(select(func.count()).select_from(decisions))
        assert rows == connection.scalar(decided) == sum(isinstance(e, Decided) for e in life)

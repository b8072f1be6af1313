"""Backoff, lanes, latest starts, transitions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.jobs import (
    FINAL_STATES,
    TRANSITIONS,
    Job,
    Lane,
    Priority,
    State,
    lane_of,
)
from shared.domain.retry import backoff_seconds

NOW = datetime(2026, 3, 1, tzinfo=UTC)
JOB = Job(UUID(int=1), "t", Priority.NORMAL, Band.LOW, NOW, NOW + timedelta(hours=1), 600.0, ("R",))


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_within_its_jitter_up_to_the_cap(attempt, jitter):
    longest = min(2.0 * 2 ** (attempt - 1), 600.0)
    assert longest / 2 <= backoff_seconds(attempt, jitter=jitter) <= longest


def test_the_latest_start_leaves_the_duration_and_the_margin():
    assert JOB.latest_start(60) == NOW + timedelta(minutes=49)


@pytest.mark.parametrize(
    ("priority", "due", "lane"),
    [
        (Priority.CRITICAL, False, Lane.URGENT),
        (Priority.HIGH, False, Lane.URGENT),
        (Priority.NORMAL, False, Lane.NORMAL),
        (Priority.LOW, False, Lane.BACKGROUND),
        (Priority.LOW, True, Lane.URGENT),
    ],
)
def test_lanes(priority, due, lane):
    assert lane_of(priority, due=due) is lane


def test_a_power_is_used_for_as_long_as_the_job_runs():
    assert replace(JOB, power_watts=1000.0).declared_energy_kwh(1800) == pytest.approx(0.5)


def test_an_energy_is_for_the_whole_run_and_a_part_uses_its_share():
    declared = replace(JOB, energy_kwh=2.0)
    assert declared.declared_energy_kwh(300) == pytest.approx(1.0)
    assert declared.declared_energy_kwh(9999) == pytest.approx(2.0)


def test_a_silent_job_has_no_energy_rather_than_zero():
    assert JOB.declared_energy_kwh(600) is None


def test_every_state_has_its_transitions_and_final_ones_end():
    assert set(TRANSITIONS) == set(State)
    for state in FINAL_STATES - {State.DEAD}:
        assert TRANSITIONS[state] == frozenset()
    assert TRANSITIONS[State.DEAD] == {State.SUBMITTED}, "dead jobs can be replayed"

"""When the rest of an interruptible job that runs had better wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import KNOWN_BANDS, Band
from shared.domain.grid import Curve, Freshness, Grid
from shared.domain.jobs import Job, Priority
from shared.domain.pausing import rest_should_wait

NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
SLOT_SECONDS = 300.0
START_S = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()
JOB = Job(
    UUID(int=7),
    "t",
    Priority.NORMAL,
    Band.LOW,
    NOW - timedelta(hours=1),
    NOW + timedelta(hours=1),
    3600.0,
    ("R",),
    interruptible=True,
)


def grid(values, band=Band.HIGH, intensity=None):
    curve = Curve(START_S, SLOT_SECONDS, values) if values else None
    return Grid("R", band, Freshness.LIVE, intensity, curve=curve)


def waits(values, job=JOB, remaining=600.0, *, band=Band.HIGH, intensity=None, now=NOW):
    return rest_should_wait(
        job, remaining, now, grid(values, band, intensity), SLOT_SECONDS, 0.03, 1.0
    )


DIRTY_THEN_CLEAN = [500.0, 500.0, 100.0, 100.0, 500.0]


def test_it_waits_where_cleaner_slots_hold_all_of_the_rest():
    assert waits(DIRTY_THEN_CLEAN)


def test_it_runs_on_where_they_hold_only_a_part():
    assert not waits(DIRTY_THEN_CLEAN, remaining=601.0)


def test_it_runs_on_where_nothing_is_cleaner_by_the_margin():
    assert waits([100.0, 96.9, 96.9])
    assert not waits([100.0, 97.1, 97.1])
    assert not waits([10.0, 9.2, 9.2]), "less than 1 g/kWh"


@pytest.mark.parametrize("band", [Band.VERY_LOW, Band.LOW, Band.UNKNOWN])
def test_a_band_that_it_accepts_or_nobody_knows_stops_nothing(band):
    assert not waits(DIRTY_THEN_CLEAN, band=band)


@pytest.mark.parametrize(
    "changes",
    [
        {"interruptible": False},
        {"priority": Priority.CRITICAL},
        {"max_band": Band.HIGH},
        {"max_band": Band.MEDIUM, "priority": Priority.HIGH},
    ],
)
def test_jobs_that_may_not_be_stopped_or_accept_the_band_run_on(changes):
    assert not waits(DIRTY_THEN_CLEAN, replace(JOB, **changes))


def test_it_runs_on_once_the_latest_start_of_its_rest_is_reached():
    next_slot = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    clean = [500.0, *[100.0] * 12]
    just = replace(JOB, deadline=next_slot + timedelta(seconds=600))
    assert waits(clean, just)
    assert not waits(clean, replace(just, deadline=just.deadline - timedelta(seconds=1)))


def test_clean_slots_after_the_deadline_do_not_count():
    tight = replace(JOB, deadline=datetime(2026, 3, 1, 12, 20, tzinfo=UTC))
    assert waits(DIRTY_THEN_CLEAN, tight)
    tighter = replace(tight, deadline=tight.deadline - timedelta(seconds=1))
    assert not waits(DIRTY_THEN_CLEAN, tighter), "the last clean slot is no longer whole"


def test_what_the_forecast_does_not_reach_is_no_reason_to_stop():
    assert not waits(None, intensity=500.0)
    assert not waits([500.0, 500.0])


def test_a_job_that_has_outrun_its_expectation_is_left_alone():
    assert not waits(DIRTY_THEN_CLEAN, remaining=0.0)
    assert not waits(DIRTY_THEN_CLEAN, remaining=-60.0)


def test_a_forecast_that_begins_later_is_compared_with_the_reading():
    curve = Curve(START_S + SLOT_SECONDS, SLOT_SECONDS, [100.0, 100.0])
    dirty = Grid("R", Band.HIGH, Freshness.LIVE, 500.0, curve=curve)
    nothing = replace(dirty, intensity_g_per_kwh=None)
    assert rest_should_wait(JOB, 600.0, NOW, dirty, SLOT_SECONDS, 0.03, 1.0)
    assert not rest_should_wait(JOB, 600.0, NOW, nothing, SLOT_SECONDS, 0.03, 1.0)


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=30),
    st.floats(1, 7200),
    st.integers(60, 7200),
    st.sampled_from(KNOWN_BANDS),
)
def test_a_stopped_job_can_still_make_its_deadline_in_cleaner_slots(
    values, remaining, seconds, band
):
    job = replace(JOB, deadline=NOW + timedelta(seconds=seconds))
    if not waits(values, job, remaining, band=band):
        return
    assert band.rank > JOB.accepts().rank
    assert NOW + timedelta(seconds=remaining) <= job.deadline
    cleaner = sum(value < values[0] for value in values[1:])
    assert cleaner * SLOT_SECONDS >= remaining


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=20), st.floats(1, 3000), st.floats(1, 900))
def test_less_left_to_run_never_makes_it_run_on(values, remaining, less):
    if waits(values, remaining=remaining):
        assert waits(values, remaining=min(less, remaining))

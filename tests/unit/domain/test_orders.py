"""Jobs that somebody asked to run now or held back, and the rests of interrupted ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Defer, Expire, Rules, RunNow
from shared.domain.grid import Curve, Forecast, Freshness, Grid, Reading, Signal, grid_at
from shared.domain.jobs import Job, Lane, OnDeadline, Priority, replayed, rest_of
from shared.domain.orders import hold_back, run_as_asked
from shared.domain.reasons import Cause, Order
from shared.domain.timetable import Pools, Timetable, Wheel

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHEEL = Wheel(300.0, 288)
SLOT = WHEEL.slot_at(NOW.timestamp())
ORDER = Order(NOW - timedelta(minutes=5), "ana", "job type t")


def a_job(**changes):
    deadline = NOW + timedelta(hours=6)
    usual = Job(UUID(int=1), "t", Priority.NORMAL, Band.LOW, NOW, deadline, 600.0, ("R",))
    return replace(usual, **changes)


def a_grid(value, region="R"):
    cuts = absolute_cuts()
    reading = Reading(region, NOW, 300, Signal.MARGINAL, "watttime", False, value)
    forecast = Forecast(NOW, NOW, 300, (value,) * 100)
    return grid_at(
        NOW, reading, cuts.band_of(value), Freshness.LIVE, forecast, cuts, Curve.of(forecast)
    )


def asked(job, *grids, table=None):
    table = table or Timetable(WHEEL)
    return run_as_asked(job, NOW, grids or [a_grid(700.0)], table, Rules(), ORDER)


def held(job, *grids):
    return hold_back(job, NOW, grids or [a_grid(100.0)], Timetable(WHEEL), Rules(), ORDER)


@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("grid", [a_grid(900.0), Grid.unknown("R")])
def test_what_is_asked_for_runs_at_once_in_the_urgent_lane_on_any_grid(priority, grid):
    decision = asked(a_job(priority=priority), grid)
    assert isinstance(decision, RunNow)
    assert (decision.cause, decision.lane) == (Cause.ASKED, Lane.URGENT)
    assert decision.reason == "ana asked to run it now"
    assert decision.numbers.limit is a_job(priority=priority).accepts()


def test_full_pools_do_not_keep_it_waiting():
    table = Timetable(WHEEL)
    table.set_pools("R", Pools((1,), 1, backlog_seconds=1e6))
    assert isinstance(asked(a_job(), table=table), RunNow)


def test_of_several_regions_the_one_that_is_cleanest_now_is_taken():
    job = a_job(regions=("R", "S"))
    decision = asked(job, a_grid(500.0), a_grid(300.0, "S"))
    assert decision.numbers.region == "S"
    assert decision.numbers.expected_g_per_kwh == pytest.approx(300.0)


def test_nobody_s_name_is_no_error():
    order = Order(NOW)
    decision = run_as_asked(a_job(), NOW, [a_grid(700.0)], Timetable(WHEEL), Rules(), order)
    assert decision.reason == "somebody asked to run it now"


def test_a_job_that_is_to_expire_expires_whatever_is_asked():
    late = a_job(deadline=NOW + timedelta(seconds=60), on_deadline=OnDeadline.EXPIRE)
    assert isinstance(asked(late), Expire)
    assert isinstance(held(late), Expire)


@given(hours=st.floats(-5, 100), value=st.floats(1, 900))
def test_what_is_paused_is_never_released(hours, value):
    job = a_job(deadline=NOW + timedelta(hours=hours))
    decision = held(job, a_grid(value))
    assert isinstance(decision, Defer)
    assert decision.slot == WHEEL.last_slot(NOW.timestamp())
    assert decision.load_slot is None, "it takes no room where it does not run"
    assert decision.numbers.expected_saving_g is None, "nothing is promised meanwhile"


@given(minutes=st.floats(10, 3_000))
def test_a_paused_job_that_may_expire_is_looked_at_when_it_has_to(minutes):
    job = a_job(deadline=NOW + timedelta(minutes=minutes), on_deadline=OnDeadline.EXPIRE)
    decision = held(job)
    latest_s = job.latest_start(0.0).timestamp()
    assert isinstance(decision, Defer)
    assert SLOT < decision.slot <= WHEEL.last_slot(NOW.timestamp())
    starts_s = WHEEL.start_s(decision.slot)
    assert starts_s > latest_s or decision.slot == WHEEL.last_slot(NOW.timestamp())
    assert starts_s <= latest_s + WHEEL.slot_seconds


def test_the_reason_says_what_is_paused_since_when_and_by_whom():
    assert held(a_job()).reason == (
        "job type t is paused since 1 Mar 11:55:00 UTC by ana; it is decided afresh when that "
        "ends, and looked at again by 2 Mar 11:55:00 UTC"
    )


def test_a_rest_has_its_share_of_the_energy_and_the_same_power():
    declared = rest_of(a_job(energy_kwh=1.2), 150.0)
    assert declared.expected_duration_seconds == 150.0
    assert declared.expected_energy_kwh() == pytest.approx(0.3)
    powered = rest_of(a_job(power_watts=360.0), 150.0)
    assert powered.expected_energy_kwh() == pytest.approx(0.015)
    assert rest_of(a_job(energy_kwh=1.2), None) == a_job(energy_kwh=1.2)


@given(st.floats(0.1, 600.0))
def test_a_rest_can_start_as_much_later_as_is_done_already(remaining):
    job = a_job()
    gained = rest_of(job, remaining).latest_start(0.0) - job.latest_start(0.0)
    assert gained.total_seconds() == pytest.approx(600.0 - remaining, abs=1e-5)


@given(attempts=st.lists(st.integers(1, 6), min_size=1, max_size=5), retries=st.integers(0, 5))
def test_however_often_a_job_is_replayed_it_has_its_own_retries_and_its_own_time(attempts, retries):
    job, now, total = a_job(retries=retries), NOW, 0
    for more in attempts:
        total += more
        now += timedelta(hours=7)
        job = replayed(replace(job, attempts=total), now)
        assert job.retries - job.attempts == retries
        assert job.deadline - now == timedelta(hours=6)
        assert job.attempts == total, "no number of an attempt comes twice"


def test_a_replay_may_have_a_deadline_of_its_own():
    end = NOW + timedelta(days=3)
    assert replayed(a_job(), NOW, end).deadline == end

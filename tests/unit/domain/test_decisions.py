"""decide(): each rule."""

import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.bands import Band
from shared.domain.decisions import Defer, Expire, RunNow, best_of, decide_among
from shared.domain.grid import Freshness, Grid
from shared.domain.jobs import Lane, OnDeadline, Priority
from shared.domain.reasons import Cause
from shared.domain.timetable import Pools, Timetable

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "deciding.py")))
NOW, SLOT, WHEEL, RULES = HERE.NOW, HERE.SLOT, HERE.WHEEL, HERE.RULES
job, grid, settle, busy_timetable = HERE.job, HERE.grid, HERE.settle, HERE.busy_timetable
DIRTY_THEN_CLEAN = [500.0] * 6 + [100.0] * 4 + [300.0] * 70


def test_a_job_waits_for_the_best_window():
    decision = settle(job(), grid(DIRTY_THEN_CLEAN))
    assert isinstance(decision, Defer)
    assert decision.until == SLOT + timedelta(minutes=30)
    assert decision.cause is Cause.CLEANER_LATER
    assert decision.numbers.expected_g_per_kwh == pytest.approx(100)
    assert decision.numbers.expected_saving_g == pytest.approx(400 * 600 / 3600)
    assert "80 % less" in decision.reason


def test_ties_go_to_the_earliest_window():
    decision = settle(job(), grid([500.0] * 3 + [100.0] * 3 + [500.0] * 3 + [100.0] * 30))
    assert decision.until == SLOT + timedelta(minutes=15)


def test_a_job_in_its_band_runs_although_later_is_cleaner():
    decision = settle(job(max_band=Band.VERY_HIGH), grid(DIRTY_THEN_CLEAN))
    assert isinstance(decision, RunNow)
    assert (decision.cause, decision.lane) == (Cause.IN_BAND, Lane.NORMAL)


def test_low_priority_waits_inside_its_band_for_a_tenth():
    patient = job(max_band=Band.VERY_HIGH, priority=Priority.LOW)
    assert isinstance(settle(patient, grid([500.0] * 3 + [440.0] * 80)), Defer)
    stays = settle(patient, grid([500.0] * 3 + [460.0] * 80))
    assert (stays.cause, stays.lane) == (Cause.IN_BAND, Lane.BACKGROUND)


def test_high_priority_tolerates_one_band_more():
    medium = grid([300.0] * 3 + [100.0] * 80)
    assert isinstance(settle(job(priority=Priority.HIGH), medium), RunNow)
    assert isinstance(settle(job(), medium), Defer)


def test_critical_runs_at_once_in_any_band():
    decision = settle(
        job(priority=Priority.CRITICAL, max_band=Band.VERY_LOW), grid(DIRTY_THEN_CLEAN)
    )
    assert (decision.cause, decision.lane) == (Cause.CRITICAL, Lane.URGENT)


def test_the_latest_start_ends_all_waiting_and_counts_as_urgent():
    due = job(deadline=NOW + timedelta(seconds=600 + 60 + 200))
    decision = settle(due, grid(DIRTY_THEN_CLEAN))
    assert (decision.cause, decision.lane) == (Cause.LATEST_START, Lane.URGENT)


def test_a_job_too_late_to_finish_expires_only_if_it_asked_to():
    late = job(deadline=NOW + timedelta(seconds=599))
    assert isinstance(settle(late, grid(DIRTY_THEN_CLEAN)), RunNow)
    asked = settle(replace(late, on_deadline=OnDeadline.EXPIRE), grid(DIRTY_THEN_CLEAN))
    assert isinstance(asked, Expire)


def test_an_unknown_grid_holds_no_job():
    decision = settle(job(max_band=Band.VERY_LOW), Grid.unknown("R"))
    assert (decision.cause, type(decision)) == (Cause.GRID_UNKNOWN, RunNow)


def test_a_dirty_day_without_a_cleaner_window_is_not_waited_out():
    flat = settle(job(), grid([500.0] * 100))
    assert (flat.cause, type(flat)) == (Cause.NOTHING_CLEANER, RunNow)
    hardly = settle(job(), grid([500.0] * 3 + [496.0] * 100))
    assert hardly.cause is Cause.NOTHING_CLEANER


def test_a_short_forecast_is_looked_at_again_where_it_ends():
    decision = settle(job(), grid([500.0] * 12))
    assert (decision.cause, type(decision)) == (Cause.OUT_OF_BAND, Defer)
    assert decision.until == SLOT + timedelta(minutes=50)


def test_an_index_alone_defers_to_the_latest_start():
    index = Grid("R", Band.HIGH, Freshness.LIVE, index_percent=75.0)
    decision = settle(job(), index)
    assert isinstance(decision, Defer)
    assert decision.until <= job().latest_start(60)
    assert decision.numbers.expected_saving_g is None
    assert "index 75 %" in decision.reason


def test_a_full_slot_sends_the_job_to_the_next_cleanest():
    timetable = Timetable(WHEEL)
    timetable.set_pools("R", Pools((1,), 1))
    values = [500.0] * 3 + [100.0] * 2 + [500.0] * 3 + [120.0] * 2 + [500.0] * 90
    clean = WHEEL.slot_at(SLOT.timestamp()) + 3
    for _ in range(2):
        timetable.add("R", clean, 300.0)
    decision = settle(job(), grid(values), timetable)
    assert decision.slot == clean + 5


def test_a_job_that_declares_no_energy_promises_no_grams():
    decision = settle(job(power_watts=None), grid(DIRTY_THEN_CLEAN))
    assert decision.numbers.expected_saving_g is None


def test_the_cleaner_region_wins():
    here = settle(job(), grid([500.0] * 3 + [200.0] * 90))
    there = settle(job(), grid([500.0] * 3 + [100.0] * 90, region="S"))
    assert best_of([here, there], job(), RULES).numbers.region == "S"


def test_a_job_that_waits_already_stays_for_a_smaller_gain():
    hardly = grid([500.0] * 3 + [496.0] * 100)
    assert settle(job(), hardly).cause is Cause.NOTHING_CLEANER
    assert settle(job(deferrals=1), hardly).cause is Cause.CLEANER_LATER


def test_pools_with_work_for_a_slot_get_a_job_in_its_band_when_they_have_room_again():
    decision = settle(job(), grid([200.0] * 90), busy_timetable(backlog_s=700.0))
    assert (decision.cause, type(decision)) == (Cause.POOLS_FULL, Defer)
    assert decision.until == SLOT + timedelta(minutes=10), "capacity is 1.5 consumers: 450 s a slot"
    assert "no free place" in decision.reason
    assert isinstance(settle(job(), grid([200.0] * 90), busy_timetable(backlog_s=200.0)), RunNow)


@pytest.mark.parametrize(
    "changes",
    [{"priority": Priority.CRITICAL}, {"deadline": NOW + timedelta(seconds=700)}],
)
def test_neither_a_critical_nor_a_due_job_waits_for_room(changes):
    full = busy_timetable(backlog_s=1e6)
    assert isinstance(settle(job(**changes), grid([200.0] * 90), full), RunNow)


def test_where_no_slot_has_room_before_the_deadline_a_job_queues_at_once():
    full = busy_timetable(backlog_s=1e6)
    assert isinstance(settle(job(), grid([200.0] * 90), full), RunNow)
    assert isinstance(settle(job(), grid(DIRTY_THEN_CLEAN), full), RunNow)


def test_without_a_living_pool_the_plan_ignores_room():
    gone = Timetable(WHEEL)
    gone.set_pools("R", Pools((), 0))
    assert settle(job(), grid(DIRTY_THEN_CLEAN), gone).cause is Cause.CLEANER_LATER
    assert settle(job(), grid([200.0] * 90), gone).cause is Cause.IN_BAND


def test_a_job_sees_the_load_of_its_own_priority_and_above_only():
    timetable = busy_timetable()
    clean = WHEEL.slot_at(SLOT.timestamp()) + 6
    for slot in range(clean, clean + 4):
        timetable.add("R", slot, 600.0, Priority.LOW)
    assert settle(job(), grid(DIRTY_THEN_CLEAN), timetable).slot == clean
    other = settle(job(priority=Priority.LOW), grid(DIRTY_THEN_CLEAN), timetable)
    assert other.slot != clean


def test_a_plan_beyond_the_wheel_waits_in_its_last_place():
    values = [500.0] * 400 + [100.0] * 10 + [500.0] * 100
    decision = settle(job(deadline=NOW + timedelta(hours=40)), grid(values))
    assert decision.until == SLOT + timedelta(seconds=300 * 400)
    assert decision.slot == WHEEL.last_slot(NOW.timestamp())
    assert decision.load_slot is None


PIECES = [500.0] + [100.0, 500.0] * 30


def test_a_job_that_may_be_paused_waits_for_the_cheapest_slots_not_for_one_window():
    decision = settle(job(interruptible=True), grid(PIECES))
    assert (decision.cause, decision.until) == (Cause.CLEANER_LATER, SLOT + timedelta(minutes=5))
    assert decision.numbers.expected_g_per_kwh == pytest.approx(100.0)
    whole = settle(job(), grid(PIECES))
    assert whole.numbers.expected_g_per_kwh == pytest.approx(300.0)


def test_a_job_that_may_be_paused_runs_in_a_slot_that_belongs_to_the_cheapest():
    now_cheap = grid([100.0, *PIECES[:12], *[500.0] * 70], band=Band.HIGH)
    long = job(interruptible=True, expected_duration_seconds=7 * 300.0)
    assert isinstance(settle(long, now_cheap), RunNow), "six later slots are not enough for seven"
    assert isinstance(settle(job(interruptible=True), grid(PIECES)), Defer)


def test_regions_that_nobody_serves_are_left_out_while_others_are_served():
    timetable = Timetable(WHEEL)
    timetable.set_pools("R", Pools((2,), 2))
    timetable.set_pools("S", Pools((), 0))
    grids = [grid([500.0] * 3 + [200.0] * 90), grid([500.0] * 3 + [100.0] * 90, region="S")]
    assert decide_among(job(), NOW, grids, timetable, RULES).numbers.region == "R"
    timetable.set_pools("S", Pools((2,), 2))
    assert decide_among(job(), NOW, grids, timetable, RULES).numbers.region == "S"


def test_a_full_region_gives_way_to_one_with_room():
    timetable = Timetable(WHEEL)
    timetable.set_pools("R", Pools((1,), 1))
    timetable.set_pools("S", Pools((1,), 1, 1e6))
    grids = [grid([500.0] * 3 + [200.0] * 90), grid([500.0] * 3 + [100.0] * 90, region="S")]
    assert decide_among(job(), NOW, grids, timetable, RULES).numbers.region == "R"


def test_a_region_that_is_clean_now_comes_before_one_that_will_be_cleaner():
    grids = [grid([500.0] * 3 + [100.0] * 90), grid([200.0] * 93, region="S")]
    decision = decide_among(job(), NOW, grids, Timetable(WHEEL), RULES)
    assert (decision.cause, decision.numbers.region) == (Cause.IN_BAND, "S")


def test_to_wait_for_another_region_takes_as_much_as_within_one():
    flat = grid([300.0] * 90, band=Band.HIGH)
    soon = grid([310.0] * 20 + [299.9] * 70, band=Band.HIGH, region="S")
    assert isinstance(settle(job(), soon), Defer), "by itself it is worth the wait"
    decision = decide_among(job(), NOW, [flat, soon], Timetable(WHEEL), RULES)
    assert (type(decision), decision.numbers.region) == (RunNow, "R")
    much = grid([310.0] * 20 + [295.0] * 70, band=Band.HIGH, region="S")
    decision = decide_among(job(), NOW, [flat, much], Timetable(WHEEL), RULES)
    assert (type(decision), decision.numbers.region) == (Defer, "S")


def test_a_job_that_waits_already_stays_for_a_smaller_gain_in_another_region():
    flat = grid([300.0] * 90, band=Band.HIGH)
    soon = grid([310.0] * 20 + [298.0] * 70, band=Band.HIGH, region="S")
    for deferrals, outcome in ((0, RunNow), (1, Defer)):
        asked = job(deferrals=deferrals)
        assert isinstance(decide_among(asked, NOW, [flat, soon], Timetable(WHEEL), RULES), outcome)

"""What waits on the wheel, what should move, and how large the pools are."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.plan import Plan, Waiting
from services.scheduler.replan import Replan
from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Rules
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Pools, Timetable, Wheel
from shared.messages import IntensityUpdated, PoolResized, ServiceBeat

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHEEL = Wheel(300.0, 288)
SLOT = WHEEL.slot_at(NOW.timestamp())
DIRTY, CLEAN = 500.0, 100.0


def job(number=1, priority=Priority.NORMAL, band=Band.LOW, hours=6.0, regions=("R",), deferrals=1):
    deadline = NOW + timedelta(hours=hours)
    return Job(
        UUID(int=number), "t", priority, band, NOW, deadline, 300.0, regions, deferrals=deferrals
    )


def grids(*values, band=None, region="R"):
    known = Grids()
    reading = Reading(region, NOW, 300, Signal.MARGINAL, "watttime", False, values[0])
    cuts = absolute_cuts()
    known.take(
        IntensityUpdated(
            id=uuid4(),
            at=NOW,
            reading=reading,
            band=band or cuts.band_of(values[0]),
            freshness=Freshness.LIVE,
            forecast=Forecast(NOW, NOW, 300, tuple(values)),
            cuts=cuts,
        )
    )
    return known


def planned(*waiting, pools=None):
    plan = Plan(WHEEL)
    if pools is not None:
        plan.timetable.set_pools("R", pools)
    for the_job, ahead in waiting:
        plan.add(Waiting(the_job, "R", SLOT + ahead, SLOT + ahead))
    return plan


def moves(plan, known, *, only_to_run=False):
    replan = Replan(plan, known, NOW, Rules(), lambda region, seconds: seconds)
    for _ in replan.steps(only_to_run=only_to_run):
        pass
    return {slot - SLOT: {job_id.int for job_id in ids} for slot, ids in replan.moves.items()}


def test_what_still_waits_for_the_best_window_stays():
    plan = planned((job(), 10))
    assert moves(plan, grids(*[DIRTY] * 10, CLEAN, *[DIRTY] * 80)) == {}


def test_what_would_now_run_is_released_from_the_middle_of_a_slot():
    plan = planned((job(1), 10), (job(2, band=Band.VERY_LOW), 10))
    in_band_of_one = grids(200.0, *[200.0] * 9, CLEAN, *[200.0] * 80)
    assert moves(plan, in_band_of_one, only_to_run=True) == {10: {1}}


def test_a_forecast_that_got_no_better_than_now_releases_what_waited_for_it():
    plan = planned((job(), 10))
    assert moves(plan, grids(*[DIRTY] * 90)) == {10: {1}}


def test_a_job_moves_to_another_slot_only_after_an_update_and_for_a_gain():
    plan = planned((job(), 10))
    earlier = grids(DIRTY, DIRTY, CLEAN, *[DIRTY] * 7, 120.0, *[DIRTY] * 80)
    assert moves(plan, earlier) == {10: {1}}
    assert moves(plan, earlier, only_to_run=True) == {}
    hardly = grids(DIRTY, DIRTY, 119.0, *[DIRTY] * 7, 120.0, *[DIRTY] * 80)
    assert moves(plan, hardly) == {}, "0.8 % is not worth a move"


def test_only_as_many_are_released_as_there_is_room_tightest_deadline_first():
    waiting = [(job(n, hours=6 - n / 100), 10) for n in range(1, 6)]
    plan = planned(*waiting, pools=Pools((1,), 2))
    clean = grids(*[CLEAN] * 90)
    assert moves(plan, clean, only_to_run=True) == {10: {5, 4}}


def test_jobs_that_move_together_do_not_overfill_their_new_slot():
    plan = planned(*[(job(n), 20) for n in range(1, 4)], pools=Pools((1,), 1))
    better = grids(600.0, DIRTY, CLEAN, *[DIRTY] * 90)
    assert {slot: len(ids) for slot, ids in moves(plan, better).items()} == {20: 2}


def test_a_retry_stays_until_its_backoff_is_over():
    plan = Plan(WHEEL)
    later = NOW + timedelta(seconds=60)
    plan.add(Waiting(job(), "R", SLOT + 2, SLOT + 2, not_before=later))
    assert moves(plan, grids(*[CLEAN] * 90)) == {}


def test_an_unknown_grid_moves_nothing():
    assert moves(planned((job(), 10)), Grids()) == {}


def test_a_job_may_leave_for_another_region():
    plan = planned((job(regions=("R", "S")), 10))
    known = grids(*[DIRTY] * 10, CLEAN, *[DIRTY] * 80)
    assert moves(plan, known) == {}
    for update, _ in grids(CLEAN, *[CLEAN] * 90, region="S")._updates.values():
        known.take(update)
    assert moves(plan, known, only_to_run=True) == {10: {1}}


def test_looking_changes_nothing():
    plan = planned((job(1), 10), (job(2), 11), pools=Pools((1,), 1))
    before = list(plan.timetable.views(grids(DIRTY).at("R", NOW), SLOT))
    moves(plan, grids(*[CLEAN] * 90))
    assert list(plan.timetable.views(grids(DIRTY).at("R", NOW), SLOT)) == before
    assert plan.jobs() == 2


def test_what_is_taken_out_of_a_slot_is_forgotten():
    plan = planned((job(), 10))
    plan.remove(job().id)
    plan.remove(job().id)
    assert plan.jobs() == 0
    assert plan.get(job().id) is None
    views = plan.timetable.views(grids(DIRTY).at("R", NOW), SLOT)
    assert all(view.jobs == 0 for view in views)


def test_a_job_that_comes_again_waits_in_its_new_slot_only():
    plan = planned((job(), 10), (job(), 20))
    assert plan.jobs() == 1
    assert plan.get(job().id).slot == SLOT + 20


def beat(instance, base, at=NOW, service="worker_pool", **numbers):
    facts = {f"{name}.R": value for name, value in numbers.items()}
    return ServiceBeat(
        id=uuid4(),
        at=at,
        service=service,
        instance=instance,
        host="h",
        pid=1,
        started_at=NOW,
        interval_seconds=10,
        facts={"regions": "R", "base_consumers": base, **facts},
    )


def told(fleet, ready=0, now=NOW):
    timetable = Timetable(WHEEL)
    fleet.tell(timetable, {"R": ready}, now)
    return timetable.pools("R")


def test_the_living_pools_add_up():
    fleet = Fleet()
    assert told(fleet) is None
    assert fleet.take(beat("a", 2, consumers=3))
    assert fleet.take(beat("b", 1))
    assert told(fleet) == Pools((2, 1), 4, 0.0, 0)
    assert told(fleet, now=NOW + timedelta(seconds=31)) == Pools((), 0, 0.0, 0), "both are silent"


def test_other_services_beats_do_not_count():
    fleet = Fleet()
    assert not fleet.take(beat("x", 1, service="scheduler"))
    assert told(fleet) is None


def test_a_new_size_counts_before_the_next_beat():
    fleet = Fleet()
    fleet.take(beat("a", 4, consumers=4))
    fleet.resized(
        PoolResized(
            id=uuid4(),
            at=NOW,
            pool="a:R",
            region="R",
            band=Band.VERY_HIGH,
            factor=0.25,
            consumers=1,
            prefetch=1,
            base_consumers=4,
            base_prefetch=1,
            reason="",
        )
    )
    assert told(fleet).consumers == 1


def test_the_backlog_is_what_lies_in_queues_and_pools_by_how_long_jobs_really_take():
    fleet = Fleet()
    fleet.take(beat("a", 4, running=2, held=3, mean_seconds=10.0))
    assert told(fleet, ready=5).backlog_seconds == pytest.approx(10 * (5 + 3 + 2 / 2))
    assert told(fleet, ready=5).backlog_jobs == 5 + 3 + 2


def test_what_was_sent_since_the_last_beat_counts_although_no_queue_shows_it():
    fleet = Fleet()
    fleet.take(beat("a", 4))
    for _ in range(6):
        fleet.sent("R", 300.0)
    assert told(fleet, ready=1).backlog_seconds == pytest.approx(6 * 300)
    fleet.take(beat("a", 4, held=2, mean_seconds=30.0))
    assert told(fleet, ready=1).backlog_seconds == pytest.approx(3 * 30)


def test_declared_durations_are_scaled_by_what_jobs_really_took():
    fleet = Fleet()
    assert fleet.expected_seconds("R", 600.0) == 600.0
    fleet.sent("R", 300.0)
    fleet.take(beat("a", 4, mean_seconds=3.0))
    assert fleet.expected_seconds("R", 600.0) == pytest.approx(6.0)


def updated(at, intensity):
    reading = Reading(
        "R", at, 300, Signal.MARGINAL, "watttime", False, intensity_g_per_kwh=intensity
    )
    forecast = Forecast(at, at, 300, (intensity,) * 6)
    return IntensityUpdated(
        id=uuid4(),
        at=at,
        reading=reading,
        band=Band.LOW,
        freshness=Freshness.LIVE,
        forecast=forecast,
        cuts=absolute_cuts(),
    )


def test_the_newest_update_counts_and_an_unheard_region_is_unknown():
    grids = Grids()
    assert not grids.knows(["R"], NOW)
    assert grids.take(updated(NOW, 200.0))
    assert not grids.take(updated(NOW - timedelta(minutes=5), 500.0))
    assert grids.at("R", NOW).intensity_g_per_kwh == 200.0
    assert grids.at("S", NOW).band is Band.UNKNOWN
    assert grids.knows(["R"], NOW)
    assert not grids.knows(["R"], NOW + timedelta(days=1)), "what is known may be too old"
    assert not grids.knows(["R", "S"], NOW)

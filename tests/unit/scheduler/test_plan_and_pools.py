"""What waits on the wheel, and how large the pools are."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.scheduler.grids import Grids
from services.scheduler.plan import Plan, Waiting
from services.scheduler.pools import Pools
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Curve, Forecast, Freshness, Grid, Reading, Signal
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Timetable, Wheel
from shared.messages import IntensityUpdated, ServiceBeat

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHEEL = Wheel(300.0, 288)


def job(number=1, priority=Priority.NORMAL, band=Band.LOW):
    return Job(UUID(int=number), "t", priority, band, NOW, NOW + timedelta(hours=6), 600.0, ("R",))


def grid(intensity, band):
    curve = Curve(NOW.timestamp(), 300.0, [intensity] * 12)
    return Grid("R", band, Freshness.LIVE, intensity, curve=curve, cuts=absolute_cuts())


def test_a_slot_opens_early_when_the_grid_is_as_good_as_what_its_jobs_wait_for():
    plan = Plan(WHEEL)
    plan.add(10, Waiting(job(), "R", 100.0))
    assert list(plan.better_now(grid(101.0, Band.HIGH), NOW.timestamp())) == []
    assert list(plan.better_now(grid(100.0, Band.HIGH), NOW.timestamp())) == [10]


def test_a_slot_opens_early_when_a_job_of_it_accepts_the_band():
    plan = Plan(WHEEL)
    plan.add(10, Waiting(job(1, Priority.LOW), "R", 100.0))
    assert list(plan.better_now(grid(160.0, Band.LOW), NOW.timestamp())) == []
    plan.add(10, Waiting(job(2), "R", 100.0))
    assert list(plan.better_now(grid(160.0, Band.LOW), NOW.timestamp())) == [10]


def test_other_regions_slots_stay_closed():
    plan = Plan(WHEEL)
    plan.add(10, Waiting(job(), "S", 100.0))
    assert list(plan.better_now(grid(1.0, Band.VERY_LOW), NOW.timestamp())) == []


def test_what_is_taken_out_of_a_slot_is_forgotten():
    plan = Plan(WHEEL)
    plan.add(10, Waiting(job(), "R", None))
    plan.remove(10, job().id)
    plan.remove(10, job().id)
    assert plan.jobs() == 0
    assert list(plan.timetable.planned()) == []


def beat(instance, base, at=NOW, service="worker_pool", regions="R"):
    return ServiceBeat(
        id=uuid4(),
        at=at,
        service=service,
        instance=instance,
        host="h",
        pid=1,
        started_at=NOW,
        interval_seconds=10,
        facts={"regions": regions, "base_consumers": base},
    )


def test_room_is_the_sum_of_the_living_pools():
    timetable = Timetable(WHEEL)
    pools = Pools(timetable)
    pools.take(beat("a", 1))
    pools.take(beat("b", 1))
    timetable.add("R", 5, 300)
    assert timetable.has_room("R", 5, 300, Band.MEDIUM)
    pools.take(beat("a", 1, at=NOW + timedelta(seconds=60)))
    assert not timetable.has_room("R", 5, 300, Band.MEDIUM), "b is silent for too long"


def test_other_services_beats_do_not_count():
    timetable = Timetable(WHEEL)
    Pools(timetable).take(beat("x", 1, service="scheduler"))
    timetable.add("R", 5, 1e6)
    assert timetable.has_room("R", 5, 1e6, Band.MEDIUM)


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

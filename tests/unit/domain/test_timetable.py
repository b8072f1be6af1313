"""Slots, places and room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Curve, Freshness, Grid
from shared.domain.jobs import Priority
from shared.domain.timetable import Pools, Timetable, Wheel

WHEEL = Wheel(300.0, 288)
moments = st.floats(1.6e9, 2.0e9, allow_nan=False)


@given(moments)
def test_a_moment_is_inside_its_slot(at_s):
    slot = WHEEL.slot_at(at_s)
    assert WHEEL.start_s(slot) <= at_s < WHEEL.start_s(slot + 1)


@given(moments)
def test_slots_up_to_the_last_one_have_places_of_their_own(now_s):
    first, last = WHEEL.slot_at(now_s), WHEEL.last_slot(now_s)
    places = {WHEEL.place(slot) for slot in range(first, last + 1)}
    assert len(places) == WHEEL.places == last - first + 1


def test_a_place_is_a_time_of_day_at_five_minutes():
    assert WHEEL.place(WHEEL.slot_at(1_767_225_600)) == WHEEL.place(
        WHEEL.slot_at(1_767_225_600 + 86_400)
    )


NOW_SLOT = 1000


def grid(band=Band.MEDIUM, region="R"):
    """No forecast: the band of now is expected for ever."""
    return Grid(region, band, Freshness.LIVE, 300.0)


def table(*bases, consumers=None, backlog_s=0.0, backlog_jobs=None):
    timetable = Timetable(WHEEL)
    now = sum(bases) if consumers is None else consumers
    timetable.set_pools("R", Pools(bases, now, backlog_s, backlog_jobs))
    return timetable


def fits(timetable, ahead, seconds, band=Band.MEDIUM, priority=Priority.NORMAL, region="R"):
    where = grid(band, region)
    one = timetable.has_room(where, NOW_SLOT, NOW_SLOT + ahead, seconds, priority)
    all_slots = timetable.rooms(where, NOW_SLOT, 287, seconds, priority)
    assert all_slots is None or one == bool(all_slots[ahead - 1])
    return one


def test_room_is_capacity_times_slot_length():
    timetable = table(2)
    for _ in range(4):
        assert fits(timetable, 10, 150)
        timetable.add("R", NOW_SLOT + 10, 150)
    assert not fits(timetable, 10, 150)
    assert fits(timetable, 10, 150, Band.VERY_LOW)
    assert fits(timetable, 10, 150, region="OTHER")


def test_each_pools_capacity_is_rounded_by_itself():
    assert Pools((1, 1, 1), 3).capacity(Band.VERY_HIGH) == 3
    assert Pools((12,), 12).capacity(Band.VERY_HIGH) == 3


def test_a_long_job_keeps_a_consumer_busy_in_the_slots_that_it_runs_through():
    timetable = table(1)
    timetable.add("R", NOW_SLOT + 10, 750)
    assert not fits(timetable, 11, 60)
    assert fits(timetable, 12, 150)
    assert not fits(timetable, 12, 151)
    assert not fits(timetable, 9, 301), "it would run into the slot that is taken"
    assert fits(timetable, 8, 600)


def test_an_empty_slot_takes_a_job_of_any_length():
    assert fits(table(1), 10, 1e6, Band.VERY_HIGH)


def test_room_is_everywhere_while_no_pool_is_known_to_live():
    timetable = Timetable(WHEEL)
    timetable.add("R", NOW_SLOT + 10, 1e9)
    assert fits(timetable, 10, 1e9, Band.VERY_HIGH)
    timetable.set_pools("R", Pools((), 0, 1e9))
    assert fits(timetable, 10, 1e9, Band.VERY_HIGH)
    assert timetable.has_room_now(grid(), NOW_SLOT, Priority.LOW)


@given(st.integers(1, 9), st.integers(1000, 1020), st.floats(1, 5_000), st.floats(0, 20_000))
def test_no_limit_is_known_of_slots_beyond_two_turns_of_the_wheel(
    places, now_slot, seconds, backlog_s
):
    timetable = Timetable(Wheel(300.0, places))
    timetable.set_pools("R", Pools((1,), 1, backlog_s))
    for ahead in range(1, places):
        timetable.add("R", now_slot + ahead, 300)
    every = timetable.rooms(grid(), now_slot, 40, seconds, Priority.NORMAL)
    one_by_one = [
        timetable.has_room(grid(), now_slot, now_slot + ahead, seconds, Priority.NORMAL)
        for ahead in range(1, 41)
    ]
    assert one_by_one == every.tolist()
    assert all(one_by_one[2 * places - 1 :])


def test_lesser_jobs_see_the_load_of_greater_ones_and_not_the_other_way_round():
    timetable = table(1)
    timetable.add("R", NOW_SLOT + 10, 300, Priority.NORMAL)
    assert not fits(timetable, 10, 300, priority=Priority.LOW)
    assert not fits(timetable, 10, 300, priority=Priority.NORMAL)
    assert fits(timetable, 10, 300, priority=Priority.HIGH)


def test_the_backlog_takes_the_nearest_slots_first():
    timetable = table(2, backlog_s=900)
    assert not timetable.has_room_now(grid(), NOW_SLOT, Priority.NORMAL)
    assert fits(timetable, 1, 300), "600 s go into the present slot, 300 s into the next"
    assert not fits(timetable, 1, 300, Band.HIGH)
    timetable.hold("R", 300)
    assert not fits(timetable, 1, 300)
    assert fits(timetable, 2, 300)


def test_a_few_long_jobs_leave_the_other_consumers_free():
    timetable = table(4, backlog_s=2 * 1350, backlog_jobs=2)  # two jobs, halfway through 45 min
    assert timetable.has_room_now(grid(), NOW_SLOT, Priority.NORMAL)
    for ahead in range(1, 4):
        timetable.add("R", NOW_SLOT + ahead, 300)
        assert fits(timetable, ahead, 300), "two of four consumers are taken, and one planned"
        timetable.add("R", NOW_SLOT + ahead, 300)
        assert not fits(timetable, ahead, 300)
    assert fits(timetable, 5, 300)
    for _ in range(2):
        timetable.hold("R", 2700)
    assert not timetable.has_room_now(grid(), NOW_SLOT, Priority.NORMAL), "each has a job now"


@given(st.integers(1, 8), st.floats(0, 5e4), st.integers(1, 40), st.integers(1, 60))
def test_knowing_the_jobs_of_a_backlog_only_spreads_it(consumers, backlog_s, jobs, slots):
    by_seconds, by_jobs = (
        table(consumers, backlog_s=backlog_s, backlog_jobs=n) for n in (None, jobs)
    )
    rooms = [
        [view.room_seconds for view in each.views(grid(), NOW_SLOT)]
        for each in (by_seconds, by_jobs)
    ]
    ahead = [sum(room[:slots]) for room in rooms]
    assert ahead[1] >= ahead[0] - 1e-6, "never more of it in the nearest slots"
    if backlog_s <= 287 * 300 * min(jobs, consumers):
        assert sum(rooms[1]) == pytest.approx(sum(rooms[0])), "but all of it in the end"


def test_now_counts_what_the_pools_really_run_whatever_the_band_says():
    paused = table(4, consumers=0)
    assert not paused.has_room_now(grid(), NOW_SLOT, Priority.NORMAL)
    assert fits(paused, 1, 300)


def test_expected_bands_make_the_room_of_later_slots():
    values = [300.0] * 5 + [100.0] * 5 + [600.0] * 278
    curve = Curve(NOW_SLOT * 300.0, 300.0, values)
    where = Grid("R", Band.MEDIUM, Freshness.LIVE, 300.0, curve=curve, cuts=absolute_cuts())
    timetable = table(4)
    rooms = [view.room_seconds for view in timetable.views(where, NOW_SLOT)]
    assert rooms[:11] == [1200.0] * 5 + [2400.0] * 5 + [300.0]


def test_a_view_shows_every_slot_of_the_wheel():
    timetable = table(1)
    timetable.add("R", NOW_SLOT + 3, 450)
    views = list(timetable.views(grid(), NOW_SLOT))
    assert [view.slot for view in views] == list(range(NOW_SLOT, NOW_SLOT + 288))
    assert [(v.jobs, v.load_seconds, v.room_seconds) for v in views[3:6]] == [
        (1, 300.0, 0.0),
        (0, 150.0, 150.0),
        (0, 0.0, 300.0),
    ]


@given(
    st.lists(
        st.tuples(st.integers(1, 287), st.integers(1, 100_000), st.sampled_from(Priority)),
        max_size=30,
    )
)
def test_what_is_taken_out_leaves_the_timetable_as_it_was(jobs):
    timetable = table(1)
    for ahead, seconds, priority in jobs:
        timetable.add("R", NOW_SLOT + ahead, seconds, priority)
    views = list(timetable.views(grid(), NOW_SLOT))
    assert sum(view.jobs for view in views) == len(jobs)
    trial = timetable.copy()
    for ahead, seconds, priority in jobs:
        trial.remove("R", NOW_SLOT + ahead, seconds, priority)
    assert all(v.jobs == 0 and abs(v.load_seconds) < 1e-6 for v in trial.views(grid(), NOW_SLOT))
    assert list(timetable.views(grid(), NOW_SLOT)) == views, "a copy is apart"


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 3000)), max_size=25),
    st.integers(1, 4),
    st.integers(1, 2500),
)
def test_a_slot_that_fits_is_never_overbooked(jobs, base, seconds):
    timetable = table(base)
    for ahead, each in [*jobs, (20, seconds)]:
        if fits(timetable, ahead, each):
            timetable.add("R", NOW_SLOT + ahead, each)
    most = base * 300.0 + 1e-3
    assert all(view.load_seconds <= most for view in timetable.views(grid(), NOW_SLOT))


@pytest.mark.parametrize(("slot", "place"), [(0, 0), (287, 287), (288, 0), (1000, 136)])
def test_places_repeat_with_the_wheel(slot, place):
    assert WHEEL.place(slot) == place

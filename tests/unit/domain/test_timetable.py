"""Slots, places and room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.timetable import Timetable, Wheel

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


def test_room_is_capacity_times_slot_length():
    table = Timetable(WHEEL)
    table.set_base("R", 2)
    for _ in range(4):
        assert table.has_room("R", 10, 150, Band.MEDIUM)
        table.add("R", 10, 150)
    assert not table.has_room("R", 10, 150, Band.MEDIUM)
    assert table.has_room("R", 10, 150, Band.VERY_LOW)
    assert table.has_room("OTHER", 10, 150, Band.MEDIUM)


def test_a_long_job_keeps_a_consumer_busy_in_the_slots_that_it_runs_through():
    table = Timetable(WHEEL)
    table.set_base("R", 1)
    table.add("R", 10, 750)
    assert not table.has_room("R", 11, 60, Band.MEDIUM)
    assert table.has_room("R", 12, 150, Band.MEDIUM)
    assert not table.has_room("R", 12, 151, Band.MEDIUM)


def test_an_empty_slot_takes_a_job_of_any_length():
    table = Timetable(WHEEL)
    table.set_base("R", 1)
    assert table.has_room("R", 10, 1e6, Band.VERY_HIGH)


def test_room_is_everywhere_while_no_pool_is_known():
    table = Timetable(WHEEL)
    table.add("R", 10, 1e9)
    assert table.has_room("R", 10, 1e9, Band.VERY_HIGH)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 2000)), max_size=30))
def test_what_is_taken_out_leaves_the_timetable_as_it_was(jobs):
    table = Timetable(WHEEL)
    table.set_base("R", 1)
    for slot, seconds in jobs:
        table.add("R", slot, seconds)
    assert sum(load.jobs for _, _, load in table.planned()) == len(jobs)
    for slot, seconds in jobs:
        table.remove("R", slot, seconds)
    assert list(table.planned()) == []
    assert all(table.has_room("R", slot, 300, Band.MEDIUM) for slot in range(30))


def test_taking_out_what_is_not_there_is_no_error():
    table = Timetable(WHEEL)
    table.remove("R", 3, 60)
    assert list(table.planned()) == []


@pytest.mark.parametrize(("slot", "place"), [(0, 0), (287, 287), (288, 0), (1000, 136)])
def test_places_repeat_with_the_wheel(slot, place):
    assert WHEEL.place(slot) == place

"""Which lane goes next: urgent first, none for ever last, room kept for what is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import CAPACITY_FACTORS, Band
from shared.domain.jobs import Lane
from shared.domain.lanes import (
    MOST_PASSED_OVER,
    RESERVED_BANDS,
    deadlines_pile_up,
    next_lane,
    passed_over_after,
    reserved_places,
)

URGENT, NORMAL, BACKGROUND = Lane
counts = st.dictionaries(st.sampled_from(list(Lane)), st.integers(0, 20))
bands = st.sampled_from(list(Band))


@pytest.mark.parametrize(
    ("limit", "band", "kept"),
    [
        (1, Band.VERY_HIGH, 0),
        (2, Band.VERY_HIGH, 1),
        (4, Band.HIGH, 1),
        (5, Band.HIGH, 2),
        (16, Band.HIGH, 4),
        (16, Band.MEDIUM, 0),
        (16, Band.VERY_LOW, 0),
        (16, Band.UNKNOWN, 0),
        (0, Band.HIGH, 0),
    ],
)
def test_a_quarter_of_a_small_pool_is_kept_for_urgent_jobs(limit, band, kept):
    assert reserved_places(limit, band) == kept


@given(st.integers(0, 2000), bands)
def test_a_reservation_never_takes_the_last_place_of_the_others(limit, band):
    kept = reserved_places(limit, band)
    assert 0 <= kept <= max(0, limit - 1)
    if band in RESERVED_BANDS and limit > 1:
        assert kept >= max(1, limit / 4)


def test_the_bands_with_a_reservation_are_those_with_less_than_the_base():
    assert {band for band, factor in CAPACITY_FACTORS.items() if factor < 1} == RESERVED_BANDS


def test_urgent_goes_first_and_then_the_rest_in_order():
    everything = dict.fromkeys(Lane, 1)
    assert next_lane(everything, {}, {}, 4, Band.MEDIUM) is URGENT
    assert next_lane({NORMAL: 1, BACKGROUND: 1}, {}, {}, 4, Band.MEDIUM) is NORMAL
    assert next_lane({BACKGROUND: 1}, {}, {}, 4, Band.MEDIUM) is BACKGROUND
    assert next_lane({}, {}, {}, 4, Band.MEDIUM) is None


def test_other_lanes_leave_the_kept_place_to_urgent_jobs():
    running = {NORMAL: 3}
    assert next_lane({NORMAL: 1}, running, {}, 4, Band.HIGH) is None
    assert next_lane({NORMAL: 1, URGENT: 1}, running, {}, 4, Band.HIGH) is URGENT
    assert next_lane({NORMAL: 1}, running, {}, 4, Band.MEDIUM) is NORMAL


def test_the_only_place_is_not_wasted():
    assert next_lane({NORMAL: 1}, {}, {}, 1, Band.VERY_HIGH) is NORMAL
    assert next_lane({NORMAL: 1, URGENT: 1}, {}, {}, 1, Band.VERY_HIGH) is URGENT


def test_urgent_jobs_may_take_every_place():
    assert next_lane({URGENT: 1}, {URGENT: 3}, {}, 4, Band.VERY_HIGH) is URGENT
    assert next_lane({NORMAL: 1}, {URGENT: 3}, {}, 4, Band.VERY_HIGH) is NORMAL


@given(counts, counts, counts, st.integers(0, 20), bands)
def test_a_start_keeps_within_the_limit_and_takes_only_what_waits(
    waiting, running, passed_over, limit, band
):
    lane = next_lane(waiting, running, passed_over, limit, band)
    if lane is None:
        return
    assert sum(running.values()) < limit
    assert waiting[lane] > 0
    if lane is not URGENT:
        others = sum(count for each, count in running.items() if each is not URGENT)
        assert others < limit - reserved_places(limit, band)


@given(st.lists(st.sets(st.sampled_from(list(Lane)), min_size=1), min_size=60, max_size=60))
def test_a_lane_that_waits_is_passed_over_only_so_often(rounds):
    """One place, and in each round some lanes hold jobs; background always does."""
    passed_over, since_background = {}, 0
    for lanes in rounds:
        waiting = dict.fromkeys(lanes | {BACKGROUND}, 2)
        lane = next_lane(waiting, {}, passed_over, 1, Band.VERY_HIGH)
        passed_over = passed_over_after(lane, waiting, passed_over)
        since_background = 0 if lane is BACKGROUND else since_background + 1
        assert since_background <= MOST_PASSED_OVER + 1


def test_with_all_lanes_full_each_other_lane_gets_one_start_in_eleven():
    passed_over, starts = {}, []
    full = dict.fromkeys(Lane, 5)
    for _ in range(1100):
        lane = next_lane(full, {}, passed_over, 1, Band.MEDIUM)
        passed_over = passed_over_after(lane, full, passed_over)
        starts.append(lane)
    assert starts.count(NORMAL) == pytest.approx(100, abs=12)
    assert starts.count(BACKGROUND) == pytest.approx(100, abs=12)
    assert starts.count(URGENT) >= 870


def test_a_lane_that_holds_nothing_gathers_no_claim():
    before = dict.fromkeys(Lane, 5)
    assert passed_over_after(URGENT, {NORMAL: 1}, before) == {URGENT: 0, NORMAL: 6, BACKGROUND: 0}


@pytest.mark.parametrize(
    ("waiting", "already", "piles_up"),
    [(2, False, False), (3, False, True), (3, True, True), (1, True, True), (0, True, False)],
)
def test_deadlines_pile_up_beyond_the_capacity_and_until_none_waits(waiting, already, piles_up):
    assert deadlines_pile_up(waiting, 2, 1.0, already=already) is piles_up


@pytest.mark.parametrize("already", [True, False])
def test_a_backlog_setting_of_zero_turns_the_rule_off(already):
    assert deadlines_pile_up(10_000, 1, 0, already=already) is False

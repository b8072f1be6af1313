"""From observed points to an even series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.replay import Stretch, longest_stretch

PERIOD_S = 300.0


def stretch(places, values=None, most=3):
    at_s = 1000.0 + PERIOD_S * np.array(places, dtype=float)
    given_values = np.array(places if values is None else values, dtype=float)
    return longest_stretch(at_s, given_values, PERIOD_S, most)


def test_points_without_gaps_stay_as_they_are():
    found = stretch([0, 1, 2], [5, 7, 6])
    assert (found.series.start_s, found.series.period_s) == (1000.0, PERIOD_S)
    assert found.series.values.tolist() == [5, 7, 6]
    assert (found.bridged, found.left_out) == (0, 0)


def test_a_short_gap_is_bridged_by_a_straight_line():
    found = stretch([0, 4], [100, 500])
    assert found.series.values.tolist() == [100, 200, 300, 400, 500]
    assert found.bridged == 3


def test_a_long_gap_parts_the_record_and_the_longest_part_stays():
    found = stretch([0, 1, 6, 7, 8, 20, 21])
    assert found.series.start_s == 1000.0 + 6 * PERIOD_S
    assert found.series.values.tolist() == [6, 7, 8]
    assert (found.bridged, found.left_out) == (0, 4)


def test_of_equal_parts_the_latest_is_taken():
    assert stretch([0, 1, 10, 11]).series.values.tolist() == [10, 11]


def test_points_beside_the_axis_move_to_it_and_the_later_of_two_stays():
    found = stretch([0, 1.3, 1.4, 2.2], [1, 2, 3, 4])
    assert found.series.values.tolist() == [1, 3, 4]


def test_one_point_is_a_stretch():
    assert len(stretch([0], [42]).series) == 1


@given(st.lists(st.integers(0, 60), min_size=1, unique=True).map(sorted), st.integers(0, 5))
def test_every_observed_point_is_kept_or_counted(places, most):
    found: Stretch = stretch(places, most=most)
    first = round((found.series.start_s - 1000.0) / PERIOD_S)
    inside = [place for place in places if first <= place < first + len(found.series)]
    assert found.left_out == len(places) - len(inside)
    assert found.bridged == len(found.series) - len(inside)
    assert max(np.diff(inside), default=1) <= most + 1
    # The values are the places themselves, so that every straight line between them is too.
    expected = np.arange(first, first + len(found.series))
    assert found.series.values == pytest.approx(expected)

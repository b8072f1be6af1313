"""Arrays over intensities: exact means, the best start, the cheapest slots."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.grid import Curve
from shared.domain.windows import (
    Series,
    cheapest_slots,
    earliest_minimum,
    slot_is_among_cheapest,
)

values = st.lists(st.integers(0, 700).map(float), min_size=2, max_size=60)


def test_a_window_pays_for_the_part_of_a_point_that_it_uses():
    series = Series(0.0, 3600.0, [100.0, 300.0])
    assert series.mean(np.array([1800.0]), 3600.0)[0] == pytest.approx(200)


def test_the_last_value_holds_beyond_the_end():
    series = Series(0.0, 60.0, [100.0, 400.0])
    assert series.mean(np.array([60.0]), 600.0)[0] == pytest.approx(400)
    assert len(series.extended_to(600.0)) == 10


@given(values, st.floats(0, 1), st.floats(0.01, 1))
def test_means_are_those_of_the_curve(points, begin, share):
    series, curve = Series(900.0, 300.0, points), Curve(900.0, 300.0, points)
    start_s = 900.0 + begin * 300.0 * len(points) * 0.5
    seconds = share * (series.end_s - start_s)
    expected = curve.mean(start_s, seconds)
    assert series.mean(np.array([start_s]), seconds)[0] == pytest.approx(expected, abs=1e-6)


@given(values, st.integers(-100, 5000))
def test_the_best_start_is_the_earliest_of_the_cleanest_whatever_the_level(points, shift):
    def best(series):
        return earliest_minimum(series.means_every(0.0, 300.0, len(points) - 1, 600.0))

    plain = best(Series(0.0, 300.0, points))
    assert best(Series(0.0, 300.0, [p + shift for p in points])) == plain
    sums = [a + b for a, b in pairwise(points)]
    assert plain == sums.index(min(sums))


@given(values, st.floats(1, 5000))
def test_the_cheapest_slots_add_up_and_beat_every_window(points, seconds):
    lengths = np.full(len(points), 300.0)
    used = cheapest_slots(np.array(points), lengths, seconds)
    placed = min(seconds, lengths.sum())
    assert used.sum() == pytest.approx(placed)
    count = int((lengths.sum() - placed) / 300.0) + 1
    window = float(Series(0.0, 300.0, points).means_every(0.0, 300.0, count, placed).min())
    assert float(used @ np.array(points)) <= window * placed * (1 + 1e-9) + 1e-6


@given(values, st.integers(1, 20))
def test_the_present_slot_is_judged_as_the_whole_plan_judges_it(points, slots):
    slots = min(slots, len(points))
    used = cheapest_slots(np.array(points), np.full(len(points), 300.0), slots * 300.0)
    assert slot_is_among_cheapest(np.array(points[1:]), points[0], 300.0, slots * 300.0) == bool(
        used[0] > 0
    )

"""The history of a region: its window, its even grid, and its gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.observed import Observed, Past

HOUR_S, DAY_S = 3600.0, 86_400.0


def cycle(hour):
    return 300.0 + 100.0 * np.sin(2 * np.pi * hour / 24)


def observed(hours, days=60.0, leave_out=()):
    history = Observed(DAY_S, days)
    for hour in range(hours):
        if hour not in leave_out:
            history.add(hour * HOUR_S, cycle(hour))
    return history


def test_a_day_of_points_is_not_yet_a_history_and_one_more_is():
    assert observed(24).series(HOUR_S, 24 * HOUR_S) is None
    series = observed(25).series(HOUR_S, 25 * HOUR_S)
    assert (series.start_s, len(series)) == (0.0, 25)
    assert Observed(DAY_S, 60).series(HOUR_S, 0.0) is None


def test_a_few_points_far_apart_are_no_history():
    history = Observed(DAY_S, 60)
    for day in range(20):
        history.add(day * DAY_S, 100.0)
    assert history.series(HOUR_S, 20 * DAY_S) is None


@given(st.integers(25, 99), st.floats(0, 5000))
def test_nothing_later_than_now_is_in_it(hours, other):
    history = observed(100)
    changed = observed(hours + 1)
    for hour in range(hours + 1, 130):
        changed.add(hour * HOUR_S, other)
    now_s = hours * HOUR_S
    ours, theirs = history.series(HOUR_S, now_s), changed.series(HOUR_S, now_s)
    assert ours.values.tolist() == theirs.values.tolist()
    assert ours.end_s <= now_s + HOUR_S


def test_a_short_gap_is_a_straight_line():
    values = observed(60, leave_out=(40, 41)).series(HOUR_S, 60 * HOUR_S).values
    assert values[40] == pytest.approx((2 * cycle(39) + cycle(42)) / 3)


@pytest.mark.parametrize("gap", [range(40, 50), range(40, 100)])
def test_a_long_gap_repeats_the_day_before(gap):
    values = observed(120, leave_out=gap).series(HOUR_S, 120 * HOUR_S).values
    assert values == pytest.approx([cycle(hour) for hour in range(120)])


def test_a_long_gap_on_the_first_day_has_only_a_line():
    values = observed(60, leave_out=range(5, 20)).series(HOUR_S, 60 * HOUR_S).values
    assert values[5:20] == pytest.approx(np.linspace(cycle(4), cycle(20), 17)[1:-1])


def test_finer_points_are_averaged():
    history = Observed(DAY_S, 60)
    for step in range(60):
        history.add(step * HOUR_S / 2, float(step))
    values = history.series(HOUR_S, 59 * HOUR_S / 2).values
    assert values.tolist() == [0.5 + 2 * hour for hour in range(30)]


def test_an_archive_fills_only_where_nothing_was_observed():
    history = observed(30)
    history.fill(Past(hour * HOUR_S, 1.0) for hour in range(-48, 3))
    values = history.series(HOUR_S, 30 * HOUR_S).values
    assert values[:48].tolist() == [1.0] * 48
    assert values[48:51] == pytest.approx([cycle(hour) for hour in range(3)])
    history.add(0.0, 7.0)
    assert history.series(HOUR_S, 30 * HOUR_S).values[48] == 7.0


def test_it_forgets_whole_weeks_so_that_its_beginning_stays_for_a_week():
    history, starts = Observed(DAY_S, 14), []
    for hour in range(40 * 24):
        history.add(hour * HOUR_S, 1.0)
        if hour > 24 and hour % 50 == 0:
            starts.append(history.series(HOUR_S, hour * HOUR_S).start_s)
    weeks = sorted({start_s / (7 * DAY_S) for start_s in starts})
    assert weeks == [0.0, 1.0, 2.0, 3.0]
    assert 14 * 24 <= len(history) <= 21 * 24


def test_where_time_is_replayed_faster_days_and_weeks_are_shorter():
    history = Observed(DAY_S / 60, 14)
    for step in range(40 * 24):
        history.add(step * 60.0, 1.0)
    series = history.series(60.0, 40 * 24 * 60.0)
    assert 14 * 24 <= len(series) <= 21 * 24

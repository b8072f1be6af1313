"""Curves and the ladder of freshness."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Curve, Forecast, Freshness, Reading, Signal, grid_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
curves = st.lists(st.floats(0, 1000, allow_nan=False), min_size=1, max_size=40)


def update(age_s=0.0, points=12, freshness=Freshness.LIVE, intensity=200.0):
    at = NOW - timedelta(seconds=300 + age_s)
    reading = Reading(
        "R", at, 300, Signal.MARGINAL, "watttime", False, intensity_g_per_kwh=intensity
    )
    forecast = Forecast(at, at, 300, tuple(200.0 + 50 * n for n in range(points)))
    return reading, Band.LOW, freshness, forecast, absolute_cuts()


@given(curves, st.floats(0, 1), st.floats(0, 1))
def test_the_mean_of_a_window_equals_a_sum_over_seconds(values, where, how_long):
    curve = Curve(0.0, 10.0, values)
    start = int(where * (len(values) * 10 - 1))
    seconds = max(1, int(how_long * (len(values) * 10 - start)))
    brute = sum(values[s // 10] for s in range(start, start + seconds)) / seconds
    assert curve.mean(start, seconds) == pytest.approx(brute, abs=1e-6)


@given(curves)
def test_a_window_that_leaves_the_curve_has_no_mean(values):
    curve = Curve(100.0, 10.0, values)
    assert curve.mean(99.0, 5) is None
    assert curve.mean(100.0, len(values) * 10 + 1) is None
    assert curve.at(curve.end_s) is None
    assert curve.at(100.0) == values[0]


@given(curves, st.integers(1, 30), st.floats(1, 200), st.integers(0, 60))
def test_means_of_many_windows_are_those_of_each(values, step, seconds, last):
    curve = Curve(100.0, 10.0, values)
    first = 100 // step + (100 % step > 0)
    means = curve.means(first, first + last, step, seconds)
    each = [curve.mean(n * step, seconds) for n in range(first, first + last + 1)]
    known = [mean for mean in each if mean is not None]
    assert means.tolist() == pytest.approx(known, abs=1e-6)
    best = curve.best(first, first + last, step, seconds)
    assert (best is None) == (not known)
    if best is not None:
        assert best[1] == pytest.approx(min(known), abs=1e-5)


@given(curves, st.floats(0, 600))
def test_bands_at_many_instants_are_those_at_each(values, shift):
    grid = grid_at(NOW, *update())
    curve = Curve(NOW.timestamp(), 10.0, values)
    grid = replace(grid, curve=curve)
    starts_s = NOW.timestamp() - 50 + shift + 7.0 * np.arange(100)
    ranks = [grid.band_at(at_s).rank for at_s in starts_s.tolist()]
    assert grid.band_ranks_at(starts_s).tolist() == ranks


def test_a_fresh_reading_is_live():
    grid = grid_at(NOW, *update(age_s=600))
    assert (grid.freshness, grid.intensity_g_per_kwh, grid.band) == (
        Freshness.LIVE,
        200.0,
        Band.LOW,
    )


def test_an_old_reading_is_replaced_by_the_rest_of_its_forecast():
    grid = grid_at(NOW, *update(age_s=1200))
    assert grid.freshness is Freshness.FORECAST
    assert grid.intensity_g_per_kwh == 200.0 + 50 * 5
    assert grid.band is Band.HIGH


def test_after_the_forecast_the_grid_is_unknown():
    grid = grid_at(NOW, *update(age_s=1200, points=3))
    assert (grid.freshness, grid.band, grid.intensity_g_per_kwh) == (
        Freshness.UNKNOWN,
        Band.UNKNOWN,
        None,
    )


def test_a_zero_in_the_forecast_is_data():
    reading, band, freshness, _, cuts = update(age_s=1200)
    zeros = Forecast(reading.at, reading.at, 300, (100.0,) * 3 + (0.0,) * 9)
    grid = grid_at(NOW, reading, band, freshness, zeros, cuts)
    assert (grid.intensity_g_per_kwh, grid.band) == (0.0, Band.VERY_LOW)


def test_an_update_that_knows_nothing_stays_unknown():
    assert grid_at(NOW, *update(freshness=Freshness.UNKNOWN)).band is Band.UNKNOWN

"""The built-in forecaster: what it sees, what it never sees, and how it continues a forecast."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import forecaster as forecasting
from shared.domain.forecaster import Forecaster, blend, weight_of_issued
from shared.domain.hourly import KEEPS_PER_DAY, Hourly

HOUR_S = 3600.0


def waves(days, steps_per_day=24, seed=1, noise=20.0):
    step = np.arange(days * steps_per_day)
    level = 300 + 120 * np.sin(2 * np.pi * step / steps_per_day)
    return level + np.random.default_rng(seed).normal(0, noise, len(step))


def one_row(values, period_s, count):
    nows = np.array([len(values) - 1])
    return Forecaster(period_s).rows(values, 0.0, nows, count)[0]


@pytest.mark.parametrize("days", [3, 10, 40])
def test_a_daily_cycle_is_forecast(days):
    row = one_row(waves(days), HOUR_S, 25)
    truth = waves(days + 2, noise=0.0)[days * 24 - 1 :][:25]
    assert np.abs(row[1:] - truth[1:]).mean() < 25


def test_with_less_than_a_day_the_present_goes_on():
    assert one_row(np.array([100.0, 200.0]), HOUR_S, 4).tolist() == [200.0] * 4


def test_the_present_is_the_observed_value():
    values = waves(30)
    assert one_row(values, HOUR_S, 3)[0] == pytest.approx(values[-1])


def test_a_recent_error_decays_into_the_profile():
    values = waves(5, noise=0.0)
    usual = one_row(values, HOUR_S, 25)
    values[-1] += 100
    off = one_row(values, HOUR_S, 25) - usual
    assert off[1] == pytest.approx(90, abs=1)
    assert 0 < off[23] < 12


@settings(max_examples=15, deadline=None)
@given(st.integers(25, 900), st.floats(0, 1000))
def test_nothing_after_the_moment_of_asking_is_used(now, other):
    values = waves(40)
    changed = values.copy()
    changed[now + 1 :] = other
    forecaster = Forecaster(HOUR_S)
    last = min(forecaster.stage_ends(now), len(values))
    many = forecaster.rows(values, 0.0, np.arange(now, last), 30)[0]
    alone = Forecaster(HOUR_S).rows(changed, 0.0, np.array([now]), 30)[0]
    assert many == pytest.approx(alone)


def test_five_minute_points_are_quick_to_forecast():
    values = waves(30, 288)
    began = time.perf_counter()
    row = one_row(values, 300.0, 864)
    assert time.perf_counter() - began < 1.0
    truth = waves(34, 288, noise=0.0)[30 * 288 - 1 :][:864]
    assert np.abs(row - truth).mean() < 30


def test_a_forecast_is_continued_without_a_step():
    own, issued = np.full(30, 100.0), np.array([200.0] * 3 + [np.nan] * 27)
    whole = blend(issued, own, 24)
    assert whole[:3].tolist() == [200.0] * 3
    assert whole[3] == pytest.approx(190)
    assert whole[-1] == pytest.approx(100, abs=7)


def test_an_issued_forecast_is_trusted_as_far_as_it_came_true():
    truth, own = np.array([[100.0, 200.0, 300.0]]), np.array([[150.0, 150.0, 150.0]])
    assert weight_of_issued(truth, own, truth) == pytest.approx(1)
    assert weight_of_issued(300 - truth, own, truth) == 0
    assert weight_of_issued(own + 2 * (truth - own), own, truth) == pytest.approx(0.5)
    assert weight_of_issued(np.full((1, 3), np.nan), own, truth) == 1


def test_an_issued_forecast_that_is_trusted_entirely_stays_to_the_last_digit():
    issued, own = np.array([0.1, 0.2, np.nan]), np.array([0.3, 0.7, 0.9])
    assert blend(issued, own, 24)[:2].tolist() == [0.1, 0.2]


class Counted(Forecaster):
    """Counts its fits."""

    fits = 0

    def _fitted(self, hourly, stage):
        self.fits += 1
        return super()._fitted(hourly, stage)


def test_a_fit_is_kept_for_a_week_also_when_the_history_loses_its_oldest_weeks():
    values, counted = waves(70), Counted(HOUR_S)
    for now in range(42 * 24, 49 * 24):
        counted.rows(values[: now + 1], 0.0, np.array([now]), 3)
    week = 7 * 24
    kept = counted.rows(values[week : 49 * 24], week * HOUR_S, np.array([42 * 24 - 1]), 48)
    assert counted.fits == 1
    assert kept.shape == (1, 48)
    counted.rows(values[week : 49 * 24 + 1], week * HOUR_S, np.array([42 * 24]), 3)
    assert counted.fits == 2


@pytest.mark.parametrize(("days", "fits"), [(27, 0), (28, 1)])
def test_the_regression_waits_for_four_weeks(days, fits):
    counted = Counted(HOUR_S)
    counted.rows(waves(days + 1), 0.0, np.array([days * 24]), 24)
    assert counted.fits == fits


def test_from_a_week_on_the_days_that_looked_alike_count_half():
    values, now = waves(12), np.array([12 * 24 - 1])
    row = Forecaster(HOUR_S).rows(values, 0.0, now, 25)
    hourly = Hourly(values, 24, 0.0)
    analogs = hourly.analogs(now, forecasting.REMEMBERS_DAYS)
    assert 2 * row[:, 1:] - hourly.decaying(now, 25)[:, 1:] == pytest.approx(analogs)


def test_each_later_day_is_half_way_to_the_profile():
    values, now = waves(40), np.array([40 * 24 - 1])
    hourly = Hourly(values, 24, 0.0)
    profile = hourly.profile_ahead(now)
    row = hourly.in_points(now, profile + 80, 73)
    days = [row[:, 1 + 24 * n : 25 + 24 * n] - profile for n in range(3)]
    for n, error in enumerate(days):
        assert error == pytest.approx(80 * KEEPS_PER_DAY**n)


@pytest.mark.parametrize("days", [5, 20, 60])
def test_two_days_ahead_follow_the_daily_cycle(days):
    row = one_row(waves(days), HOUR_S, 49)
    truth = waves(days + 3, noise=0.0)[days * 24 - 1 :][:49]
    assert np.abs(row[25:] - truth[25:]).mean() < 25
    assert np.abs(np.diff(row)).max() < 120


@pytest.mark.parametrize("period_s", [900.0, 1800.0, 2700.0, 3600.0, 7200.0, 21_600.0, 86_400.0])
@pytest.mark.parametrize("days", [2, 9, 40])
def test_any_distance_of_points_is_forecast(period_s, days):
    steps = round(86_400 / period_s)
    row = one_row(waves(days + 1, steps), period_s, 3 * steps)
    assert np.isfinite(row).all()
    assert row.min() >= 0
    assert abs(row.mean() - 300) < 40

"""The built-in forecaster: what it sees, what it never sees, and how it continues a forecast."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.forecaster import (
    Forecaster,
    Past,
    blend,
    continue_forecast,
    profile_forecast,
    weight_of_issued,
)
from shared.domain.grid import Forecast, utc

HOUR_S, DAY_S = 3600.0, 86_400.0


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


def past(days):
    return [Past(n * HOUR_S, float(v)) for n, v in enumerate(waves(days, noise=0.0))]


def test_history_with_gaps_serves_while_the_source_is_away():
    history = past(4)
    del history[30:33]
    from_s = 4 * DAY_S + 5 * HOUR_S
    forecast = profile_forecast(history, from_s, HOUR_S, DAY_S, 24)
    assert forecast.start == utc(from_s)
    truth = waves(6, noise=0.0)[4 * 24 + 5 :][:24]
    assert np.array(forecast.values_g_per_kwh) == pytest.approx(truth, abs=30)


def test_less_than_a_day_of_history_is_no_forecast():
    assert profile_forecast(past(1)[:20], 20 * HOUR_S, HOUR_S, DAY_S, 5) is None
    assert profile_forecast([], 0.0, HOUR_S, DAY_S, 5) is None


def test_an_issued_forecast_reaches_as_far_as_asked():
    start = datetime.fromtimestamp(4 * DAY_S, UTC)
    issued = Forecast(start, start, HOUR_S, (310.0, 320.0, 330.0))
    whole = continue_forecast(issued, past(4), DAY_S, 24)
    assert whole.values_g_per_kwh[:3] == (310.0, 320.0, 330.0)
    assert len(whole.values_g_per_kwh) == 24
    assert continue_forecast(issued, [], DAY_S, 24) is issued
    assert continue_forecast(issued, past(4), DAY_S, 2) is issued


def test_an_issued_forecast_is_trusted_as_far_as_it_came_true():
    truth, own = np.array([[100.0, 200.0, 300.0]]), np.array([[150.0, 150.0, 150.0]])
    assert weight_of_issued(truth, own, truth) == pytest.approx(1)
    assert weight_of_issued(300 - truth, own, truth) == 0
    assert weight_of_issued(own + 2 * (truth - own), own, truth) == pytest.approx(0.5)
    assert weight_of_issued(np.full((1, 3), np.nan), own, truth) == 1

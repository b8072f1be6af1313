"""Forecasts against what came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.forecast_error import IssuedForecast, forecast_errors
from shared.domain.grid import Curve

HOUR_S = 3600.0


def forecast(at_s: float, *values: float, issued_until_s: float | None = None) -> IssuedForecast:
    return IssuedForecast(at_s, Curve(at_s, HOUR_S, values), issued_until_s)


def test_error_bias_and_share_are_those_of_the_pairs() -> None:
    observed = {0.0: 100.0, HOUR_S: 200.0, 2 * HOUR_S: 400.0}
    issued = [forecast(0.0, 100.0, 230.0), forecast(HOUR_S, 200.0, 390.0)]
    (error,) = forecast_errors(issued, observed, [HOUR_S])
    assert error.points == 2
    assert error.mean_absolute_g_per_kwh == pytest.approx((30 + 10) / 2)
    assert error.bias_g_per_kwh == pytest.approx((30 - 10) / 2)
    assert error.percent == pytest.approx(100 * 20 / 300)


def test_the_providers_part_and_the_built_in_part_are_told_apart() -> None:
    observed = {HOUR_S: 100.0, 2 * HOUR_S: 100.0}
    made = forecast(0.0, 90.0, 110.0, 140.0, issued_until_s=2 * HOUR_S)
    errors = forecast_errors([made], observed, [HOUR_S, 2 * HOUR_S])
    assert [(e.lead_seconds, e.is_issued, e.mean_absolute_g_per_kwh) for e in errors] == [
        (HOUR_S, True, 10.0),
        (2 * HOUR_S, False, 40.0),
    ]


def test_a_point_that_was_not_observed_is_not_compared() -> None:
    assert forecast_errors([forecast(0.0, 1.0, 2.0)], {0.0: 1.0}, [HOUR_S]) == []


def test_a_forecast_that_ends_before_the_point_is_not_compared() -> None:
    assert forecast_errors([forecast(0.0, 1.0)], {HOUR_S: 1.0}, [HOUR_S]) == []


def test_a_share_of_zero_is_unknown_and_the_error_is_not() -> None:
    (error,) = forecast_errors([forecast(0.0, 5.0, 5.0)], {HOUR_S: 0.0}, [HOUR_S])
    assert error.percent is None
    assert error.mean_absolute_g_per_kwh == 5.0


@given(
    st.lists(st.floats(0, 1000), min_size=2, max_size=30),
    st.floats(-200, 200),
)
def test_a_forecast_that_is_off_by_a_constant_has_just_that_error(
    values: list[float], off: float
) -> None:
    observed = {place * HOUR_S: value for place, value in enumerate(values)}
    issued = [
        forecast(place * HOUR_S, *(value + off for value in values[place:]))
        for place in range(len(values))
    ]
    (error,) = forecast_errors(issued, observed, [HOUR_S])
    assert error.points == len(values) - 1
    assert error.mean_absolute_g_per_kwh == pytest.approx(abs(off), abs=1e-6)
    assert error.bias_g_per_kwh == pytest.approx(off, abs=1e-6)

"""The cleanest window ahead."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast
from shared.domain.outlook import cleanest_window

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PERIOD = timedelta(minutes=5)


def window(*values, now=300.0, seconds=86_400):
    forecast = Forecast(NOW, NOW, 300.0, values)
    return cleanest_window(forecast, absolute_cuts(), now, NOW, seconds)


def test_the_cleanest_window_keeps_most_of_the_saving():
    found = window(300, 280, 100, 90, 110, 290, 300)
    assert (found.start, found.end) == (NOW + 2 * PERIOD, NOW + 5 * PERIOD)
    assert found.mean_g_per_kwh == pytest.approx(100)
    assert found.percent == pytest.approx(-66.7, abs=0.1)
    assert found.band is Band.VERY_LOW


def test_a_long_clean_stretch_beats_a_single_clean_point():
    assert window(300, 0, 300, 20, 20, 20, 300).start == NOW + 3 * PERIOD


def test_only_what_lies_within_the_horizon_counts():
    assert window(300, 300, 300, 10, seconds=600) is None


@pytest.mark.parametrize("ahead", [(300, 299.5, 310), (300,), ()])
def test_no_window_is_named_where_waiting_is_not_worthwhile(ahead):
    assert window(*ahead) is None


def test_no_window_is_named_where_now_or_the_forecast_is_unknown():
    assert window(300, 100, now=None) is None
    assert cleanest_window(None, absolute_cuts(), 300.0, NOW, 3600) is None

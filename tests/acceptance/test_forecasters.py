"""The forecasters of the comparison: each earns something, and none sees the future."""

import numpy as np
import pytest

from shared.domain.replay import BuiltIn
from shared.domain.windows import Series

NAMES = ("profile", "weekdays", "decaying", "analogs", "ridge", "built-in")
HOUR_S = 3600.0


def waves(changed_from=None):
    hours = np.arange(24 * 60)
    noise = np.random.default_rng(4).normal(0, 30, len(hours))
    values = 300 + 100 * np.sin(2 * np.pi * hours / 24) + noise
    values[changed_from:] = values[changed_from:] if changed_from is None else 7.0
    return Series(0.0, HOUR_S, values)


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("forecasters")


def test_every_forecaster_of_the_table_is_tested_here(bench):
    assert tuple(bench.FORECASTERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_share_lies_between_nothing_and_all(bench, name):
    series = waves()
    assert 0.5 < bench._share(series, bench.FORECASTERS[name](series)) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_nothing_after_the_present_is_used(bench, name):
    now = 24 * 45
    rows = [
        bench.FORECASTERS[name](series).at(now, 48).tolist()
        for series in (waves(), waves(changed_from=now + 1))
    ]
    assert rows[0] == rows[1]
    assert rows[0][0] == waves().values[now]


def test_the_profile_of_weekdays_keeps_weekends_apart(bench):
    hours = np.arange(24 * 28) + 24 * 4  # from a Monday on, 1970-01-05
    weekend = (hours // 24 + 3) % 7 >= 5
    series = Series(24 * 4 * HOUR_S, HOUR_S, np.where(weekend, 100.0, 300.0))
    friday_noon = 24 * 18 + 12
    row = bench.FORECASTERS["weekdays"](series).at(friday_noon, 72)
    assert row.tolist() == series.values[friday_noon : friday_noon + 72].tolist()


def test_kept_forecasts_are_the_built_in_ones(benchmark_script):
    series = waves()
    kept, known = benchmark_script("margins").Kept(series), BuiltIn(series)
    for point in (0, 300, 1000):
        assert kept.at(point, 14).tolist() == pytest.approx(known.at(point, 14).tolist())

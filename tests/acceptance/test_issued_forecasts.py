"""What forecasts are worth on three recorded months of marginal intensity in 5-minute points."""

import numpy as np
import pytest

EVERY_MINUTES = 120  # submissions; decisions are still made afresh every 5 minutes


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("issued_forecasts")


def test_the_recording_is_three_months_without_a_gap(bench):
    series, issues = bench.recording()
    assert len(series) == 91 * 288
    assert np.isfinite(series.values).all()
    assert len(issues) == len(series)
    first = issues[series.start_s]
    assert (len(first), first.start_s) == (36, series.start_s + 300.0)
    # An issue knows more of the next points than the mean of all does.
    near = np.array([issues[series.point_start_s(p)].values[0] for p in range(len(series) - 1)])
    errors = np.abs(near - series.values[1:]).mean()
    assert errors < 0.5 * np.abs(series.values - series.values.mean()).mean()


@pytest.mark.timeout(300)  # a quarter of a minute on an idle machine
def test_each_better_forecast_saves_more_and_none_beats_the_bound(bench):
    found = bench.results(EVERY_MINUTES)
    profile, built_in, issued = (
        found[name] for name in ("7-day profile", "built-in", "issued + built-in")
    )
    assert issued.avoided_percent > built_in.avoided_percent > profile.avoided_percent
    assert issued.avoided_percent > profile.avoided_percent + 2  # worth the request
    for result in found.values():
        assert 0 < result.avoided_percent < result.optimal_percent
        assert result.missed_deadlines == 0
    assert issued.mean_wait_seconds < profile.mean_wait_seconds

"""Published results of carbon-aware scheduling, reproduced with the product's own rules."""

from pathlib import Path

import numpy as np
import pytest

from shared.domain.replay import Policy

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "eurosys24_expected.csv").exists(),
    reason="needs the recorded grids in ../shared/data",
)


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("published_results")


def test_every_sum_of_eurosys_2024_within_a_hundredth_of_a_percent(bench):
    rows = list(bench.eurosys(DATA))
    assert len(rows) == 64
    assert max(row.worst_difference for row in rows) < 1e-4


def test_lets_wait_awhile_germany(bench):
    exact = bench.lets_wait_awhile(DATA, 0.0, 0)
    assert exact.as_published == pytest.approx(13.76, abs=0.1)
    assert exact.honest == pytest.approx(13.46, abs=0.1)
    drawn = [bench.lets_wait_awhile(DATA, 0.05, seed).as_published for seed in range(10)]
    assert np.mean(drawn) == pytest.approx(11.74, abs=0.1)


def test_gaia_on_south_australia(bench):
    saved = {policy: result.avoided_percent for policy, result in bench.gaia(DATA).items()}
    assert saved[Policy.LOWEST_WINDOW] == pytest.approx(38.56, abs=0.3)
    assert saved[Policy.CARBON_TIME] == pytest.approx(34.21, abs=0.3)
    assert saved[Policy.INTERRUPTIBLE] == pytest.approx(45.38, abs=0.3)


PROFILE = {  # saving in percent and mean wait in hours of a rolling profile, measured elsewhere
    "DE 2020": (9.1, 5.9),
    "US-CAL-CISO": (23.4, 6.0),
    "AU-SA": (25.0, 5.5),
    "PL": (6.8, 6.0),
}


@pytest.mark.timeout(400)  # half a minute on an idle machine
def test_adaptive_beats_the_rolling_profile_on_every_grid_and_waits_no_longer(bench):
    for name, both in bench.all_year(DATA).items():
        ours, profile = both.adaptive, both.profile
        saved_percent, wait_h = PROFILE[name]
        assert ours.avoided_percent > max(saved_percent, profile.avoided_percent), name
        assert ours.mean_wait_seconds <= profile.mean_wait_seconds, name
        assert round(ours.mean_wait_seconds / 3600, 1) <= wait_h, name
        assert ours.avoided_percent <= ours.optimal_percent, name


@pytest.mark.timeout(400)  # half a minute on an idle machine
def test_adaptive_earns_five_sixths_of_what_a_clairvoyant_does(bench):
    earned = [both.adaptive.share_of_optimal for both in bench.shares(DATA).values()]
    assert np.mean(earned) >= 0.84
    assert max(earned) <= 1

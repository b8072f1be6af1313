"""Published results of carbon-aware scheduling, reproduced with the product's own rules."""

import importlib.util
import sys
from functools import cache
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


@cache
def bench():
    """The benchmark script, which computes the figures."""
    name = "published_results"
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_every_sum_of_eurosys_2024_within_a_hundredth_of_a_percent():
    rows = list(bench().eurosys(DATA))
    assert len(rows) == 64
    assert max(row.worst_difference for row in rows) < 1e-4


def test_lets_wait_awhile_germany():
    exact = bench().lets_wait_awhile(DATA, 0.0, 0)
    assert exact.as_published == pytest.approx(13.76, abs=0.1)
    assert exact.honest == pytest.approx(13.46, abs=0.1)
    drawn = [bench().lets_wait_awhile(DATA, 0.05, seed).as_published for seed in range(10)]
    assert np.mean(drawn) == pytest.approx(11.74, abs=0.1)


def test_gaia_on_south_australia():
    saved = {policy: result.avoided_percent for policy, result in bench().gaia(DATA).items()}
    assert saved[Policy.LOWEST_WINDOW] == pytest.approx(38.56, abs=0.3)
    assert saved[Policy.CARBON_TIME] == pytest.approx(34.21, abs=0.3)
    assert saved[Policy.INTERRUPTIBLE] == pytest.approx(45.38, abs=0.3)


FLOORS = {"DE 2020": 9.1, "US-CAL-CISO": 23.4, "AU-SA": 25.0, "PL": 6.8}


def test_adaptive_beats_the_rolling_profile_on_every_grid_and_waits_no_longer():
    for name, both in bench().all_year(DATA).items():
        ours, profile = both.adaptive, both.profile
        assert ours.avoided_percent > max(FLOORS[name], profile.avoided_percent), name
        assert ours.mean_wait_seconds <= profile.mean_wait_seconds, name
        assert ours.avoided_percent <= ours.optimal_percent, name


def test_adaptive_earns_five_sixths_of_what_a_clairvoyant_does():
    earned = [both.adaptive.share_of_optimal for both in bench().shares(DATA).values()]
    assert np.mean(earned) >= 0.84
    assert max(earned) <= 1

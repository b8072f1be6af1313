"""What the publisher says of the grid is what holds now, and nothing besides."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from services.intensity_publisher.metrics import Metrics
from shared.domain.bands import Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.messages import IntensityUpdated

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTENSITY, BAND = "carbonq_grid_intensity_grams_per_kwh", "carbonq_grid_band"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return Metrics(registry)


def update(region, signal, intensity_g_per_kwh, band=Band.LOW, freshness=Freshness.LIVE):
    reading = Reading(region, NOW, 300, signal, "a", False, intensity_g_per_kwh)
    return IntensityUpdated(id=uuid4(), at=NOW, reading=reading, band=band, freshness=freshness)


def told(registry):
    """Every sample with a region that is not 0: name, labels without their names, value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.labels.get("region") and sample.value
    }


def intensities(registry):
    return {key[1:]: value for key, value in told(registry).items() if key[0] == INTENSITY}


def test_only_the_signal_that_is_used_now_has_a_value(registry, metrics):
    metrics.updated(update("R", Signal.MARGINAL, 300.0))
    metrics.updated(update("S", Signal.MARGINAL, 200.0))
    metrics.updated(update("R", Signal.AVERAGE, 90.0))
    assert intensities(registry) == {("R", "average"): 90.0, ("S", "marginal"): 200.0}
    metrics.updated(update("R", Signal.AVERAGE, None, Band.UNKNOWN, Freshness.UNKNOWN))
    assert intensities(registry) == {("S", "marginal"): 200.0}


def test_who_stands_by_for_a_region_says_nothing_of_it(registry, metrics):
    metrics.updated(update("R", Signal.MARGINAL, 300.0))
    metrics.updated(update("S", Signal.MARGINAL, 200.0, Band.HIGH))
    metrics.stands_by("R")
    assert {key[1] for key in told(registry)} == {"S"}
    assert told(registry)[BAND, "S", "high"] == 1
    metrics.stands_by("S")
    assert told(registry) == {}
    metrics.stands_by("S")  # who was cut off before the first poll

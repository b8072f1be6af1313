"""A pool's size: by the band, and by what was asked for besides."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker_pool.capacity import Base, Orders, Rule
from shared.domain.bands import CAPACITY_FACTORS, Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.messages import IntensityUpdated, PauseWork, SetEco

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BASE = Base(consumers=4, prefetch=2)
HEAD = {"id": UUID(int=1), "at": NOW, "by": "ana"}


def update(band, at=NOW):
    reading = Reading("R", at, 300, Signal.MARGINAL, "watttime", False, 200.0)
    return IntensityUpdated(id=uuid4(), at=at, reading=reading, band=band, freshness=Freshness.LIVE)


@pytest.mark.parametrize(
    ("band", "consumers", "prefetch"),
    [
        (Band.VERY_LOW, 8, 4),
        (Band.LOW, 6, 3),
        (Band.MEDIUM, 4, 2),
        (Band.HIGH, 2, 1),
        (Band.VERY_HIGH, 1, 1),
        (Band.UNKNOWN, 4, 2),
    ],
)
def test_the_band_sets_consumers_and_prefetch(band, consumers, prefetch):
    limit = BASE.limit(update(band), NOW)
    assert (limit.consumers, limit.prefetch, limit.band) == (consumers, prefetch, band)
    assert (limit.rule, limit.factor) == (Rule.BAND, CAPACITY_FACTORS[band])
    assert band.words in limit.reason


def test_an_old_update_leaves_the_grid_unknown():
    limit = BASE.limit(update(Band.VERY_HIGH), NOW + timedelta(seconds=901))
    assert (limit.band, limit.consumers, limit.rule) == (Band.UNKNOWN, 4, Rule.UNKNOWN)
    assert limit.reason == "no update of the grid for 901 s"


def test_before_the_first_update_the_base_holds():
    assert BASE.limit(None, NOW).consumers == 4


def test_a_pause_leaves_no_place_and_says_whose_it_is():
    everything = BASE.limit(update(Band.LOW), NOW, Orders(paused=PauseWork(**HEAD)))
    assert (everything.consumers, everything.factor, everything.rule) == (0, 0.0, Rule.PAUSED)
    assert everything.reason == "all work was paused by ana"
    assert everything.band is Band.LOW
    here = BASE.limit(None, NOW, Orders(paused=PauseWork(**{**HEAD, "by": None}, region="R")))
    assert here.reason == "the region was paused"


@pytest.mark.parametrize("band", [Band.VERY_LOW, Band.VERY_HIGH])
def test_with_the_eco_mode_off_the_base_holds_in_any_band(band):
    off = SetEco(**HEAD, on=False, until=NOW + timedelta(hours=2))
    limit = BASE.limit(update(band), NOW, Orders(eco_off=off))
    assert (limit.consumers, limit.prefetch, limit.factor, limit.band) == (4, 2, 1.0, band)
    assert limit.reason == "eco mode off until 1 Mar 14:00:00 UTC, set by ana: 1 x the base"


def test_the_eco_mode_may_be_off_until_somebody_switches_it_on():
    limit = BASE.limit(update(Band.HIGH), NOW, Orders(eco_off=SetEco(**HEAD, on=False)))
    assert limit.reason == "eco mode off until it is switched on, set by ana: 1 x the base"


def test_piled_up_deadlines_give_a_small_pool_its_base():
    limit = BASE.limit(update(Band.VERY_HIGH), NOW, Orders(piling_up=7))
    assert (limit.consumers, limit.rule, limit.band) == (4, Rule.DEADLINES, Band.VERY_HIGH)
    expected = "7 urgent jobs wait for 1 places of the very high band: eco mode off, 1 x the base"
    assert limit.reason == expected


@pytest.mark.parametrize("band", [Band.VERY_LOW, Band.LOW, Band.MEDIUM])
def test_piled_up_deadlines_take_nothing_from_a_pool_that_has_its_base(band):
    assert BASE.limit(update(band), NOW, Orders(piling_up=7)) == BASE.limit(update(band), NOW)


def test_a_pause_outranks_the_eco_mode_and_that_outranks_the_backlog():
    off, paused = SetEco(**HEAD, on=False), PauseWork(**HEAD)
    assert BASE.limit(update(Band.HIGH), NOW, Orders(paused, off, 9)).rule is Rule.PAUSED
    assert BASE.limit(update(Band.HIGH), NOW, Orders(None, off, 9)).rule is Rule.ECO_OFF


@given(st.integers(1, 1000), st.integers(1, 100), st.sampled_from(list(Band)), st.integers(0, 50))
def test_no_limit_is_ever_more_than_the_bands_or_the_base(consumers, prefetch, band, waiting):
    base = Base(consumers, prefetch)
    by_band = base.limit(update(band), NOW).consumers
    limit = base.limit(update(band), NOW, Orders(piling_up=waiting))
    assert 1 <= by_band <= limit.consumers <= max(by_band, consumers)

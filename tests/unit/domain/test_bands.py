"""Bands: cuts, hysteresis, capacity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import (
    KNOWN_BANDS,
    Band,
    Cuts,
    absolute_cuts,
    capacity,
    classify,
    index_cuts,
    relative_cuts,
)

values = st.floats(0, 1000, allow_nan=False)


def test_a_value_between_absolute_edges_has_the_band_of_the_page():
    assert absolute_cuts().band_of(245.3) is Band.LOW
    assert [absolute_cuts().band_of(v) for v in (0, 150, 399.9, 400, 550)] == [
        Band.VERY_LOW,
        Band.LOW,
        Band.MEDIUM,
        Band.HIGH,
        Band.VERY_HIGH,
    ]


def test_relative_cuts_are_fifths_of_the_p5_to_p95_value_range():
    cuts = relative_cuts([float(v) for v in range(101)])
    assert cuts.edges == pytest.approx((23, 41, 59, 77))
    assert cuts.margin == pytest.approx(1.8)


def test_relative_cuts_follow_values_and_not_ranks():
    bimodal = [0.0] * 50 + [400.0] * 50
    assert relative_cuts(bimodal).edges == pytest.approx((80, 160, 240, 320))


def test_a_flat_grid_is_medium_whatever_its_level():
    cuts = relative_cuts([500.0, 505.0, 529.0])
    assert {cuts.band_of(v) for v in (0.0, 515.0, 900.0)} == {Band.MEDIUM}


@pytest.mark.parametrize(
    ("value", "band"), [(0, "very_low"), (20, "low"), (59.9, "medium"), (80, "very_high")]
)
def test_the_index_is_cut_at_fifths(value, band):
    assert index_cuts().band_of(value) is Band(band)


def test_a_value_that_trembles_on_an_edge_does_not_flap():
    cuts = Cuts((100.0, 200.0, 300.0, 400.0), 8.0)
    band, seen = Band.LOW, []
    for value in (199, 201, 199, 207, 203, 208, 203, 195, 192):
        band = classify(value, cuts, band)
        seen.append(band)
    assert seen == [Band.LOW] * 5 + [Band.MEDIUM] * 3 + [Band.LOW]


def test_a_jump_over_several_bands_is_followed_at_once():
    cuts = absolute_cuts()
    assert classify(600, cuts, Band.VERY_LOW) is Band.VERY_HIGH
    assert classify(10, cuts, Band.VERY_HIGH) is Band.VERY_LOW


@given(values, st.sampled_from(KNOWN_BANDS))
def test_hysteresis_keeps_the_old_band_or_takes_the_fresh_one(value, previous):
    cuts = absolute_cuts()
    assert classify(value, cuts, previous) in {previous, cuts.band_of(value)}


@given(values, st.sampled_from(KNOWN_BANDS))
def test_a_band_settles_after_one_look(value, previous):
    cuts = absolute_cuts()
    once = classify(value, cuts, previous)
    assert classify(value, cuts, once) is once


@given(st.lists(values, min_size=1, max_size=60), values, values)
def test_a_dirtier_value_never_has_a_cleaner_band(history, one, other):
    cuts = relative_cuts(history)
    assert cuts.band_of(min(one, other)).rank <= cuts.band_of(max(one, other)).rank


@pytest.mark.parametrize(
    ("base", "expected"),
    [(4, [8, 6, 4, 2, 1, 4]), (1, [2, 2, 1, 1, 1, 1]), (3, [6, 5, 3, 2, 1, 3])],
)
def test_capacity_is_base_times_factor_half_up_and_never_below_one(base, expected):
    assert [capacity(base, band) for band in Band] == expected


def test_one_worse_stops_at_the_worst():
    assert Band.LOW.one_worse() is Band.MEDIUM
    assert Band.VERY_HIGH.one_worse() is Band.VERY_HIGH

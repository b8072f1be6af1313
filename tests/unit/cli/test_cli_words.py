from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import words
from services.cli.palette import BAD, BAND_STYLES, GOOD, bar, signed_style, sparkline
from shared.domain.bands import Band

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0.0, "0 g"),
        (-1e-9, "0 g"),
        (4.9e-5, "0 g"),
        (-5.1e-5, "-0.1 mg"),
        (0.0154, "+15.4 mg"),
        (-0.5, "-0.50 g"),
        (12.34, "+12.3 g"),
        (-1234.0, "-1.23 kg"),
        (2_500_000.0, "+2.50 t"),
    ],
)
def test_grams(value: float | None, text: str) -> None:
    assert words.grams(value, signed=True) == text


@given(st.floats(5.1e-5, 1e12), st.booleans())
def test_grams_never_lose_their_sign(value: float, negative: bool) -> None:  # noqa: FBT001
    signed = -value if negative else value
    assert words.grams(signed, signed=True).startswith("-" if negative else "+")


@given(st.floats(-4.9e-5, 4.9e-5), st.booleans())
def test_grams_that_round_to_nothing_have_no_sign(value: float, signed: bool) -> None:  # noqa: FBT001
    assert words.grams(value, signed=signed) == "0 g"


@pytest.mark.parametrize(
    ("kwh", "text"),
    [(None, "unknown"), (0, "0.00 Wh"), (2e-6, "2.0 mWh"), (0.0123, "12.30 Wh"), (3, "3.00 kWh")],
)
def test_energy(kwh: float | None, text: str) -> None:
    assert words.energy(kwh) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (2.34, "2.3 s"),
        (59.4, "59 s"),
        (59.9, "60 s"),
        (90, "1 min 30 s"),
        (7_500, "2 h 5 min"),
        (3_600, "1 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_a_moment_has_its_distance_and_a_date_unless_it_is_today() -> None:
    assert words.moment(None, NOW) == "unknown"
    assert words.moment(NOW - timedelta(seconds=20), NOW) == "11:59:40 UTC (20 s ago)"
    assert words.moment(NOW + timedelta(days=1), NOW) == "23 Nov 12:00:00 UTC (in 1 d)"


def test_intensity_falls_back_to_the_index_and_then_to_unknown() -> None:
    assert words.intensity(0.0, 3.0) == "0 g/kWh"
    assert words.intensity(None, 41.6) == "index 42 %"
    assert words.intensity(None) == "unknown"


def test_a_share_needs_a_whole() -> None:
    assert words.percent_of(5.0, 20.0) == "+25.0 %"
    assert words.percent_of(-5.0, 20.0) == "-25.0 %"
    assert words.percent_of(5.0, 0.0) is None
    assert words.percent_of(None, 20.0) is None


def test_every_band_has_a_colour_and_a_word() -> None:
    assert set(BAND_STYLES) == set(Band)


def test_signed_styles() -> None:
    assert [signed_style(value) for value in (1.0, -1.0, 0.0, None)] == [GOOD, BAD, "", ""]


@given(st.lists(st.tuples(st.floats(0, 1000), st.sampled_from(Band)), max_size=80))
def test_a_sparkline_has_one_bar_for_each_value(points: list[tuple[float, Band]]) -> None:
    assert sparkline(points).cell_len == len(points)


@given(st.integers(0, 50), st.integers(0, 20), st.integers(1, 40))
def test_a_bar_keeps_its_width(part: int, whole: int, width: int) -> None:
    assert bar(part, whole, width, "").cell_len == width

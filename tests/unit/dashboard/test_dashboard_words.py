"""Numbers as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard import words
from dashboard.frames import STATE_WORDS
from shared.domain.jobs import State


@pytest.mark.parametrize(
    ("grams", "text"),
    [
        (None, "unknown"),
        (0.0, "0 g"),
        (0.123, "0.12 g"),
        (12.34, "12.3 g"),
        (-63.0, "\u221263.0 g"),
        (999.4, "999 g"),
        (999.9, "1.00 kg"),
        (1_234.0, "1.23 kg"),
        (999_999.0, "1.00 t"),
        (45_600_000.0, "45.6 t"),
    ],
)
def test_mass_changes_its_unit_with_its_size(grams: float | None, text: str) -> None:
    assert words.with_unit(words.mass(grams)) == text


@pytest.mark.parametrize(
    ("kwh", "text"),
    [(None, "unknown"), (0.0, "0 kWh"), (0.0042, "4.20 Wh"), (7.6, "7.60 kWh"), (2500, "2.50 MWh")],
)
def test_energy_changes_its_unit_with_its_size(kwh: float | None, text: str) -> None:
    assert words.with_unit(words.energy(kwh)) == text


def test_a_tiny_negative_number_is_no_negative_zero() -> None:
    assert words.number(-0.001) == "0.00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (35, "35 s"),
        (95, "1 min 35 s"),
        (240, "4 min"),
        (720, "12 min"),
        (3_599, "1 h"),
        (11_400, "3 h 10 min"),
        (7_200, "2 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_a_share_of_nothing_is_unknown() -> None:
    assert words.share(1.0, 0.0) is None
    assert words.share(None, 5.0) is None
    assert words.signed_percent(words.share(-7.0, 100.0)) == "-7 %"
    assert words.signed_percent(0.2) == "0 %"
    assert words.signed_percent(-0.2) == "0 %"
    assert words.signed_percent(None) == "unknown"


def test_windows_are_told_in_the_viewers_zone() -> None:
    start = datetime(2026, 7, 1, 22, 0, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert words.between(start, start + timedelta(hours=1), berlin) == "00:00\u201301:00"
    short = words.between(start, start + timedelta(seconds=5), berlin)
    assert short == "00:00:00\u201300:00:05"


@pytest.mark.parametrize("mark", list("\\`*_{}[]()<>#+-.!|~$&"))
def test_every_mark_of_markdown_is_escaped(mark: str) -> None:
    assert words.escape(mark) == f"\\{mark}"


def test_directives_and_lines_are_broken_up() -> None:
    assert ":smile:" not in words.escape(":smile:")
    assert ":red[" not in words.escape(":red[x]")
    assert "\n" not in words.escape("a\n# b")


@pytest.mark.parametrize("state", State)
def test_every_state_has_words(state: State) -> None:
    assert STATE_WORDS[state.value]
    assert "_" not in STATE_WORDS[state.value]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "now"), (7_500, "in 2 h 5 min"), (-180, "3 min ago")]
)
def test_distances_say_their_direction(seconds: float, text: str) -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert words.away(now + timedelta(seconds=seconds), now) == text


def test_a_moment_of_another_day_has_its_date() -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    assert words.moment(now + timedelta(hours=1), now, berlin) == "23:00"
    assert words.moment(now + timedelta(hours=2), now, berlin) == "2 Jul 00:00"
    assert words.moment(now + timedelta(seconds=5), now, berlin) == "22:00:05"


def test_how_often_is_a_word_where_there_is_one() -> None:
    assert [words.times(many) for many in (0, 1, 2)] == ["never", "once", "2 times"]


def test_what_is_below_a_tenth_of_a_gram_is_no_zero() -> None:
    assert words.mass(0.0053) == ("5.30", "mg")
    assert words.mass(-0.02) == ("\N{MINUS SIGN}20.0", "mg")
    assert words.mass(0.0) == ("0", "g")

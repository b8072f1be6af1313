from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.quantities import (
    parse_deadline,
    parse_energy,
    parse_past,
    parse_payload,
    parse_power,
)
from shared.domain.durations import parse_duration

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
amounts = st.floats(0.001, 1e6, allow_nan=False).map(lambda value: round(value, 3))


def nothing() -> str:
    return ""


@given(amounts)
def test_power_in_any_unit(value: float) -> None:
    text = f"{value:.3f}"
    assert parse_power(text) == parse_power(f"{text}W") == pytest.approx(value)
    assert parse_power(f"{text} kw") == pytest.approx(1000 * value)


@given(amounts)
def test_energy_in_any_unit(value: float) -> None:
    text = f"{value:.3f}"
    assert parse_energy(f"{text}kWh") == pytest.approx(value)
    assert parse_energy(f"{text} Wh") == pytest.approx(value / 1000)
    assert parse_energy(f"{text}MWh") == pytest.approx(value * 1000)


@pytest.mark.parametrize("text", ["", "W", "250 apples", "-3W", "1e3W", "nan", "2mW", "1,5kW"])
def test_what_is_no_power(text: str) -> None:
    with pytest.raises(ValueError, match="is no power"):
        parse_power(text)


@pytest.mark.parametrize("text", ["0.2", "kWh", "3 W", "1 kWh 2 Wh"])
def test_energy_needs_its_unit(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 0\.2kWh"):
        parse_energy(text)


@given(st.text(max_size=12))
def test_any_text_is_understood_or_refused_with_a_value_error(text: str) -> None:
    times = (lambda t: parse_deadline(t, NOW), lambda t: parse_past(t, NOW))
    for parse in (parse_power, parse_energy, parse_duration, *times):
        with suppress(ValueError):
            assert parse(text) is not None


@given(st.integers(1, 366 * 86_400))
def test_a_relative_deadline_is_absolute(seconds: int) -> None:
    assert parse_deadline(f"{seconds}s", NOW) == NOW + timedelta(seconds=seconds)


@given(st.datetimes(datetime(2027, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_absolute_deadline_stays_what_it_is(at: datetime) -> None:
    assert parse_deadline(at.isoformat(), NOW) == at
    assert parse_deadline(f" {at.isoformat()} ", NOW) == at


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("yesterday", "is no deadline"),
        ("0h", "is no deadline"),
        ("2026-11-23T06:00:00", "has no time zone; write 2026-11-23T06:00:00Z"),
        ("2026-11-22T11:59:59Z", "is over already"),
        ("999999999999d", "is no deadline"),
    ],
)
def test_what_is_no_deadline(text: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        parse_deadline(text, NOW)


@given(st.integers(1, 366 * 86_400))
def test_a_past_time_may_be_how_long_ago(seconds: int) -> None:
    assert parse_past(f"{seconds}s", NOW) == NOW - timedelta(seconds=seconds)


def test_a_past_time_may_be_a_time_of_any_zone() -> None:
    at = parse_past("2026-11-22T13:00:00+02:00", NOW)
    assert (at, at.tzinfo) == (NOW - timedelta(hours=1), UTC)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("soon", "is no time; write 2h, 30d, 2026-11-23 or 2026-11-23T06:00:00Z"),
        ("2026", "'2026' is no time; write 2h, 30d, 2026-11-23 or 2026-11-23T06:00:00Z"),
        (" 30.5 ", "is no time"),
        ("999999999999d", "is no time"),
        ("0001-01-01T00:00:00+14:00", "is no time"),
        ("2026-11-01T00:00:00", "has no time zone; write 2026-11-01T00:00:00Z for UTC"),
    ],
)
def test_what_is_no_past_time(text: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        parse_past(text, NOW)


def test_values_are_json_where_they_are_json() -> None:
    pairs = ["n=3", "name=q3", "flag=true", 'text="3"', "list=[1,2]", "odd=007", "eq=a=b", "x="]
    assert parse_payload(None, pairs, nothing) == {
        "n": 3,
        "name": "q3",
        "flag": True,
        "text": "3",
        "list": [1, 2],
        "odd": "007",
        "eq": "a=b",
        "x": "",
    }


def test_not_a_number_stays_a_text() -> None:
    assert parse_payload(None, ["x=NaN"], nothing) == {"x": "NaN"}
    with pytest.raises(ValueError, match="not JSON"):
        parse_payload('{"x": Infinity}', [], nothing)


def test_pairs_are_added_to_the_payload_wherever_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"a": 1, "b": 1}')
    expected = {"a": 1, "b": 2}
    assert parse_payload(file.read_text(), ["b=2"], nothing) == expected
    assert parse_payload(f"@{file}", ["b=2"], nothing) == expected
    assert parse_payload("@-", ["b=2"], file.read_text) == expected


@pytest.mark.parametrize(
    ("payload", "pairs", "cause"),
    [
        ("[1]", [], "not a JSON object"),
        ("{", [], "not JSON"),
        ("@/nowhere.json", [], "cannot be read"),
        (None, ["novalue"], "no key=value pair"),
        (None, ["=3"], "no key=value pair"),
    ],
)
def test_what_is_no_payload(payload: str | None, pairs: list[str], cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        parse_payload(payload, pairs, nothing)

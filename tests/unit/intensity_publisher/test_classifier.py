"""From observations to updates, and down the ladder when polls fail."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intensity_publisher.classifier import Classifier
from services.intensity_publisher.foresight import Foresights, issued_part
from services.intensity_publisher.providers import Observation
from services.intensity_publisher.settings import BandMode
from shared.domain.bands import Band
from shared.domain.grid import Forecast, Freshness, Reading, Signal

START = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = 7 * 86_400.0


def observation(step, intensity=None, index=None, forecast=()):
    at = START + timedelta(minutes=5 * step)
    reading = Reading("R", at, 300, Signal.MARGINAL, "watttime", True, intensity, index)
    return Observation(reading, Forecast(at, at, 300, forecast) if forecast else None)


def classifier(mode=BandMode.RELATIVE):
    return Classifier("R", mode, WEEK)


def see(the_classifier, seen):
    return the_classifier.observed(seen, seen.reading.at, uuid4())


def test_without_history_the_forecast_makes_the_range():
    update = see(classifier(), observation(0, 100.0, forecast=(100.0, 200.0, 300.0, 400.0, 500.0)))
    assert (update.band, update.freshness) == (Band.VERY_LOW, Freshness.LIVE)


def test_without_history_and_forecast_the_bands_are_absolute():
    assert see(classifier(), observation(0, 245.3)).band is Band.LOW


def test_after_a_day_the_history_alone_makes_the_range():
    the_classifier = classifier()
    for step in range(289):
        see(the_classifier, observation(step, 200.0 + step % 100))
    wild_forecast = (0.0, 5000.0) * 10
    update = see(the_classifier, observation(290, 299.0, forecast=wild_forecast))
    assert update.band is Band.VERY_HIGH


def test_history_older_than_the_window_is_forgotten():
    the_classifier = Classifier("R", BandMode.RELATIVE, 3600.0)
    see(the_classifier, observation(0, 1000.0))
    for step in range(1, 30):
        see(the_classifier, observation(step, 100.0 + step))
    assert see(the_classifier, observation(30, 130.0)).cuts.edges == ()


def test_an_index_alone_gives_a_band_and_no_grams():
    update = see(classifier(), observation(0, None, 85.0))
    assert (update.band, update.cuts) == (Band.VERY_HIGH, None)
    assert update.reading.intensity_g_per_kwh is None


def test_index_mode_uses_the_index_although_grams_are_known():
    assert see(classifier(BandMode.INDEX), observation(0, 10.0, 85.0)).band is Band.VERY_HIGH


def test_a_failed_poll_goes_on_with_the_forecast_and_then_is_unknown():
    the_classifier = classifier(BandMode.ABSOLUTE)
    assert the_classifier.failed("no answer", START, uuid4()) is None
    see(the_classifier, observation(0, 100.0, forecast=(100.0, 600.0)))
    second = the_classifier.failed("no answer", START + timedelta(minutes=6), uuid4())
    assert (second.freshness, second.band) == (Freshness.FORECAST, Band.VERY_HIGH)
    assert (second.reading.intensity_g_per_kwh, second.reason) == (600.0, "no answer")
    third = the_classifier.failed("no answer", START + timedelta(minutes=11), uuid4())
    assert (third.freshness, third.band) == (Freshness.UNKNOWN, Band.UNKNOWN)
    assert third.reading.intensity_g_per_kwh is None


def test_recovery_goes_back_up():
    the_classifier = classifier(BandMode.ABSOLUTE)
    see(the_classifier, observation(0, 100.0))
    the_classifier.failed("no answer", START + timedelta(minutes=5), uuid4())
    update = see(the_classifier, observation(2, 300.0))
    assert (update.freshness, update.band, update.reason) == (Freshness.LIVE, Band.MEDIUM, None)


def test_a_restart_remembers_history_band_and_forecast():
    before = classifier(BandMode.ABSOLUTE)
    after = classifier(BandMode.ABSOLUTE)
    after.remember(see(before, observation(0, 148.0, forecast=(148.0, 152.0))))
    update = see(after, observation(1, 152.0))
    assert update.band is Band.VERY_LOW, "hysteresis goes on across the restart"


def test_simulated_data_stays_marked():
    assert see(classifier(), observation(0, 100.0)).reading.simulated


def test_another_signal_starts_a_history_of_its_own():
    the_classifier = classifier(BandMode.ABSOLUTE)
    see(the_classifier, observation(0, 600.0))
    at = START + timedelta(minutes=5)
    average = Reading("R", at, 300, Signal.AVERAGE, "maps", False, 148.0)
    update = see(the_classifier, Observation(average, None))
    assert update.band is Band.VERY_LOW
    assert the_classifier._histories.of(Signal.AVERAGE).values() == [148.0]
    assert the_classifier._histories.of(Signal.MARGINAL).values() == [600.0]


def test_a_forecast_that_was_not_renewed_is_kept_while_it_covers_now():
    the_classifier = classifier(BandMode.ABSOLUTE)
    see(the_classifier, observation(0, 100.0, forecast=(100.0, 200.0)))
    assert see(the_classifier, observation(1, 110.0)).forecast is not None
    assert see(the_classifier, observation(2, 120.0)).forecast is None


def test_after_the_forecast_the_history_of_a_day_forecasts():
    the_classifier = classifier(BandMode.ABSOLUTE)
    for step in range(290):
        see(the_classifier, observation(step, float(step % 288)))
    at = START + timedelta(minutes=5 * 295)
    update = the_classifier.failed("no answer", at, uuid4())
    assert update.freshness is Freshness.FORECASTER
    assert update.reading.intensity_g_per_kwh == 295 - 288
    assert update.age_seconds == 25 * 60


def days_of(the_classifier, days, signal=Signal.MARGINAL):
    """Half-hourly points before START, from a source's archive."""
    for step in range(-48 * days, 0):
        at = START + timedelta(minutes=30 * step)
        value = 300.0 + 5 * (step % 48)
        the_classifier.learn(Reading("R", at, 1800, signal, "watttime", False, value))


def half_hourly(step, intensity, forecast=(), source="watttime", signal=Signal.MARGINAL):
    at = START + timedelta(minutes=30 * step)
    reading = Reading("R", at, 1800, signal, source, False, intensity)
    return Observation(reading, Forecast(at, at, 1800, forecast) if forecast else None)


def test_a_short_forecast_is_continued_for_two_days_and_says_how_far_it_was_issued():
    the_classifier = classifier()
    days_of(the_classifier, 3)
    update = see(the_classifier, half_hourly(0, 300.0, (300.0, 310.0)))
    assert update.forecast.values_g_per_kwh[:2] == (300.0, 310.0)
    assert len(update.forecast.values_g_per_kwh) == 96
    assert update.forecast_issued_until == START + timedelta(hours=1)
    assert (update.freshness, update.reading.intensity_g_per_kwh) == (Freshness.LIVE, 300.0)


@pytest.mark.parametrize("signal", Signal)
def test_without_an_issued_forecast_the_history_of_a_day_gives_one(signal):
    the_classifier = classifier()
    days_of(the_classifier, 1, signal)
    update = see(the_classifier, half_hourly(0, 300.0, signal=signal))
    assert update.forecast.start == START
    assert update.forecast.end == START + timedelta(hours=48)
    assert update.forecast.values_g_per_kwh[20] == pytest.approx(400, abs=5)
    assert (update.forecast_issued_until, update.freshness) == (None, Freshness.LIVE)


def test_with_less_than_a_day_of_history_nothing_is_added():
    the_classifier = classifier()
    assert see(the_classifier, half_hourly(0, 300.0)).forecast is None
    update = see(the_classifier, half_hourly(1, 310.0, (310.0, 320.0)))
    assert update.forecast.values_g_per_kwh == (310.0, 320.0)


def test_a_long_forecast_stays_whole():
    the_classifier = classifier()
    days_of(the_classifier, 3)
    issued = tuple(float(value) for value in range(144))
    update = see(the_classifier, half_hourly(0, 0.0, issued))
    assert update.forecast.values_g_per_kwh == issued
    assert update.forecast_issued_until == update.forecast.end


def test_a_region_with_an_index_alone_gets_no_forecast_whatever_was_known_before():
    the_classifier = classifier()
    days_of(the_classifier, 3)
    reading = Reading("R", START, 1800, Signal.MARGINAL, "watttime", False, None, 40.0)
    update = see(the_classifier, Observation(reading, None))
    assert (update.forecast, update.forecast_issued_until) == (None, None)
    later = the_classifier.failed("no answer", START + timedelta(minutes=30), uuid4())
    assert (later.forecast, later.freshness) == (None, Freshness.UNKNOWN)


def test_histories_of_two_signals_do_not_mix_in_a_forecast():
    the_classifier = classifier()
    days_of(the_classifier, 3)
    assert see(the_classifier, half_hourly(0, 50.0, signal=Signal.AVERAGE)).forecast is None


def test_the_bands_keep_to_a_week_while_the_forecast_remembers_two_months():
    months, week = classifier(), classifier()
    for step in range(-48 * 60, 0):
        at = START + timedelta(minutes=30 * step)
        value = 300.0 if step >= -48 * 7 else 2000.0 + step % 48
        past = Reading("R", at, 1800, Signal.MARGINAL, "watttime", False, value + step % 48)
        months.learn(past)
        if step >= -48 * 7:
            week.learn(past)
    one, other = see(months, half_hourly(0, 320.0)), see(week, half_hourly(0, 320.0))
    assert (one.cuts, one.band) == (other.cuts, other.band)
    assert one.forecast != other.forecast


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 5000), st.integers(1, 90))
def test_what_comes_after_now_changes_no_update(other, later):
    knows, foresees = classifier(), classifier()
    for each in (knows, foresees):
        days_of(each, 9)
    for step in range(later):
        at = START + timedelta(minutes=30 * (step + 1))
        past = Reading("R", at, 1800, Signal.MARGINAL, "watttime", False, other)
        foresees._foresights.note(past)
    seen = half_hourly(0, 300.0, (300.0, 310.0))
    assert see(knows, seen).forecast == see(foresees, seen).forecast


def test_a_failed_poll_within_the_issued_part_is_forecast_and_beyond_it_forecaster():
    the_classifier = classifier()
    days_of(the_classifier, 3)
    see(the_classifier, half_hourly(0, 300.0, (300.0, 310.0)))
    within = the_classifier.failed("no answer", START + timedelta(minutes=40), uuid4())
    assert (within.freshness, within.reading.intensity_g_per_kwh) == (Freshness.FORECAST, 310.0)
    assert within.forecast_issued_until == START + timedelta(hours=1)
    assert within.forecast.end >= START + timedelta(hours=48, minutes=40)
    beyond = the_classifier.failed("no answer", START + timedelta(minutes=70), uuid4())
    assert (beyond.freshness, beyond.forecast_issued_until) == (Freshness.FORECASTER, None)
    assert beyond.forecast.end >= START + timedelta(hours=49)


def test_after_a_restart_only_the_issued_part_counts_as_issued():
    before, after = classifier(), classifier()
    days_of(before, 3)
    days_of(after, 3)
    after.remember(see(before, half_hourly(0, 300.0, (300.0, 310.0))))
    beyond = after.failed("no answer", START + timedelta(minutes=70), uuid4())
    assert beyond.freshness is Freshness.FORECASTER


def test_the_issued_part_of_a_forecast():
    forecast = Forecast(START, START, 1800, (1.0, 2.0, 3.0))
    assert issued_part(forecast, START + timedelta(hours=1)).values_g_per_kwh == (1.0, 2.0)
    assert issued_part(forecast, forecast.end) == forecast
    assert issued_part(forecast, None) is None
    assert issued_part(None, START) is None


@pytest.mark.parametrize("hours", [0, 6, 72])
def test_forecasts_reach_as_far_as_the_setting_says(hours):
    the_classifier = Classifier("R", BandMode.RELATIVE, WEEK, Foresights(WEEK, hours))
    days_of(the_classifier, 3)
    update = see(the_classifier, half_hourly(0, 300.0))
    assert len(update.forecast.values_g_per_kwh) == max(1, 2 * hours)


def test_an_archive_deepens_the_forecast_and_not_the_bands():
    foresights = Foresights(WEEK)
    the_classifier = Classifier("R", BandMode.RELATIVE, WEEK, foresights)
    ats = [START + timedelta(minutes=30 * step) for step in range(-480, 0)]
    foresights.fill(
        [Reading("R", at, 1800, Signal.MARGINAL, "watttime", False, 500.0) for at in ats]
    )
    update = see(the_classifier, half_hourly(0, 500.0))
    assert update.forecast.values_g_per_kwh == (500.0,) * 96
    assert update.cuts.edges != ()


def test_a_provider_whose_forecasts_never_come_true_is_trusted_less():
    the_classifier, steps = classifier(), range(48 * 9)
    days_of(the_classifier, 3)
    for step in steps:
        issued = (300.0 + 5 * (step % 48), *(1500.0,) * 47)
        update = see(the_classifier, half_hourly(step, issued[0], issued))
    assert update.forecast.values_g_per_kwh[0] == 300.0 + 5 * 47
    assert max(update.forecast.values_g_per_kwh) < 700
    assert update.forecast_issued_until == update.forecast.start + timedelta(hours=24)

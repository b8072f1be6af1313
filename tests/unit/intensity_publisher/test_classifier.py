"""From observations to updates, and down the ladder when polls fail."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.intensity_publisher.classifier import Classifier
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

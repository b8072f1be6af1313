"""What the forecasts of a region are made from, one for each signal; safe to use in threads."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from threading import Lock

from services.intensity_publisher.history import day_seconds
from shared.domain.foresight import REMEMBERS_DAYS, Foresight
from shared.domain.grid import Forecast, Reading, Signal
from shared.domain.observed import Past

FORECAST_HOURS = 48.0


class Foresights:
    """Keeps what the forecasts of a region are made from, across connections to the broker.

    Attributes:
        filled: whether the source's archive has been read for it.
    """

    def __init__(self, window_seconds: float, forecast_hours: float = FORECAST_HOURS) -> None:
        """Start with no history.

        Args:
            window_seconds: the bands' week, which tells how long a day is.
            forecast_hours: how far ahead every forecast reaches.
        """
        self.day_seconds = day_seconds(window_seconds)
        self.filled = False
        self._hours = forecast_hours
        self._by_signal = {signal: Foresight(self.day_seconds) for signal in Signal}
        self._lock = Lock()  # a cancelled poll leaves its thread to finish

    @property
    def reach_seconds(self) -> float:
        """How far back the past is of use."""
        return REMEMBERS_DAYS * self.day_seconds

    def note(self, reading: Reading) -> None:
        """Take a reading, if it has an intensity."""
        if reading.intensity_g_per_kwh is not None:
            with self._lock:
                observed = self._by_signal[reading.signal].observed
                observed.add(reading.at.timestamp(), reading.intensity_g_per_kwh)

    def fill(self, readings: Iterable[Reading]) -> None:
        """Take what an archive has, where nothing was observed."""
        with self._lock:
            for signal, foresight in self._by_signal.items():
                foresight.observed.fill(
                    Past(past.at.timestamp(), past.intensity_g_per_kwh)
                    for past in readings
                    if past.signal is signal and past.intensity_g_per_kwh is not None
                )

    def issued(self, signal: Signal, forecast: Forecast) -> None:
        """Take a forecast as the provider issued it."""
        with self._lock:
            self._by_signal[signal].note(forecast)

    def ahead(self, seen: Reading, issued: Forecast | None, now: datetime) -> Forecast | None:
        """The forecast as of now: the issued one, weighed and continued, or our own alone.

        None where nothing was issued and too little is known, or the region has no grams: where a
        source gives only an index, none are invented from an older history.
        """
        if seen.intensity_g_per_kwh is None:
            return issued
        with self._lock:
            foresight = self._by_signal[seen.signal]
            return foresight.ahead(issued, now.timestamp(), seen.period_seconds, self._hours)


def issued_part(forecast: Forecast | None, until: datetime | None) -> Forecast | None:
    """The part of an update's forecast that the provider issued."""
    if forecast is None or until is None:
        return None
    points = round((until - forecast.start).total_seconds() / forecast.period_seconds)
    return replace(forecast, values_g_per_kwh=forecast.values_g_per_kwh[:points])

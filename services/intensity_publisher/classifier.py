"""One region's memory: its trailing history, its last forecast, and the band that it is in."""

from collections import deque
from datetime import datetime, timedelta
from uuid import UUID

from services.intensity_publisher.providers import Observation
from services.intensity_publisher.settings import BandMode
from shared.domain.bands import Band, Cuts, absolute_cuts, classify, index_cuts, relative_cuts
from shared.domain.grid import Curve, Forecast, Freshness, Reading, utc
from shared.messages import IntensityUpdated

DAYS_OF_HISTORY = 7.0


class Classifier:
    """Turns a region's observations into updates; a failed poll falls down the ladder."""

    def __init__(self, region: str, mode: BandMode, history_seconds: float) -> None:
        """Start with no history."""
        self.region = region
        self._mode = mode
        self._history_seconds = history_seconds
        self._history: deque[tuple[datetime, float]] = deque()
        self._last: IntensityUpdated | None = None
        self._forecast: Forecast | None = None

    @property
    def last(self) -> IntensityUpdated | None:
        """The last update that was made or remembered."""
        return self._last

    def remember(self, update: IntensityUpdated) -> None:
        """Take an update of the past into the history, as after a restart."""
        if update.reading.region != self.region:
            return
        self._last = update
        self._forecast = update.forecast or self._forecast
        if update.freshness is Freshness.LIVE:
            self._note(update.reading)

    def observed(self, seen: Observation, now: datetime, event_id: UUID) -> IntensityUpdated:
        """The update for a successful poll."""
        self._note(seen.reading)
        self._forecast = seen.forecast
        cuts = self._cuts(seen.reading)
        update = IntensityUpdated(
            id=event_id,
            at=now,
            reading=seen.reading,
            band=self._band(seen.reading, cuts),
            freshness=Freshness.LIVE,
            forecast=seen.forecast,
            cuts=cuts,
            warnings=seen.warnings,
        )
        self._last = update
        return update

    def failed(self, reason: str, now: datetime, event_id: UUID) -> IntensityUpdated | None:
        """The update for a failed poll: the rest of the last forecast, else unknown.

        None before the first success, when not even the signal of the region is known.
        """
        if self._last is None:
            return None
        expected = Curve.of(self._forecast).at(now.timestamp()) if self._forecast else None
        reading = self._expected_reading(self._last.reading, expected, now)
        known = expected is not None
        update = IntensityUpdated(
            id=event_id,
            at=now,
            reading=reading,
            band=self._band(reading, self._last.cuts) if known else Band.UNKNOWN,
            freshness=Freshness.FORECAST if known else Freshness.UNKNOWN,
            forecast=self._forecast if known else None,
            cuts=self._last.cuts if known else None,
            reason=reason,
        )
        self._last = update
        return update

    def _expected_reading(self, last: Reading, expected: float | None, now: datetime) -> Reading:
        period = last.period_seconds
        return Reading(
            region=self.region,
            at=utc(now.timestamp() // period * period),
            period_seconds=period,
            signal=last.signal,
            source=last.source,
            simulated=last.simulated,
            intensity_g_per_kwh=expected,
        )

    def _note(self, reading: Reading) -> None:
        value = reading.intensity_g_per_kwh
        if value is None or (self._history and self._history[-1][0] >= reading.at):
            return
        self._history.append((reading.at, value))
        oldest = reading.at - timedelta(seconds=self._history_seconds)
        while self._history[0][0] < oldest:
            self._history.popleft()

    def _cuts(self, reading: Reading) -> Cuts | None:
        """The band edges in g/kWh; None where the index gives the band."""
        if reading.intensity_g_per_kwh is None or self._mode is BandMode.INDEX:
            return None
        if self._mode is BandMode.ABSOLUTE:
            return absolute_cuts()
        values = [value for _, value in self._history]
        if not self._a_day_is_known() and self._forecast is not None:
            values.extend(self._forecast.values_g_per_kwh)
        elif not self._a_day_is_known():
            return absolute_cuts()
        return relative_cuts(values)

    def _a_day_is_known(self) -> bool:
        span = self._history[-1][0] - self._history[0][0]
        return span.total_seconds() >= self._history_seconds / DAYS_OF_HISTORY

    def _band(self, reading: Reading, cuts: Cuts | None) -> Band:
        previous = self._last.band if self._last else Band.UNKNOWN
        if cuts is not None and reading.intensity_g_per_kwh is not None:
            return classify(reading.intensity_g_per_kwh, cuts, previous)
        if reading.index_percent is not None:
            return classify(reading.index_percent, index_cuts(), previous)
        return previous  # by index, while the source is away: the forecast has no percentiles

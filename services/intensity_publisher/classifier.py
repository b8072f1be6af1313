"""One region's memory: its histories, its last forecast, and the band that it is in."""

from datetime import datetime
from uuid import UUID

from services.intensity_publisher.foresight import Foresights, issued_part
from services.intensity_publisher.history import Histories
from services.intensity_publisher.providers import Observation
from services.intensity_publisher.settings import BandMode
from shared.domain.bands import Band, Cuts, absolute_cuts, classify, index_cuts, relative_cuts
from shared.domain.grid import Curve, Forecast, Freshness, Reading, utc
from shared.messages import IntensityUpdated


class Classifier:
    """Turns a region's observations into updates; a failed poll falls down the ladder."""

    def __init__(
        self,
        region: str,
        mode: BandMode,
        history_seconds: float,
        foresights: Foresights | None = None,
    ) -> None:
        """Start with no history of the bands.

        Args:
            region: whose readings are classified.
            mode: how a value gets its band.
            history_seconds: trailing window of the relative bands.
            foresights: what forecasts are made from; new ones where none are handed in.
        """
        self.region = region
        self._mode = mode
        self._histories = Histories(history_seconds)
        self._foresights = foresights or Foresights(history_seconds)
        self._last: IntensityUpdated | None = None
        self._last_seen: Reading | None = None
        self._issued: Forecast | None = None

    @property
    def last(self) -> IntensityUpdated | None:
        """The last update that was made or remembered."""
        return self._last

    def remember(self, update: IntensityUpdated) -> None:
        """Take an update of the past into the history, as after a restart."""
        if update.reading.region != self.region:
            return
        if update.freshness is Freshness.LIVE:
            self.learn(update.reading)
            self._last_seen = update.reading
            self._issued = issued_part(update.forecast, update.forecast_issued_until)
        self._last = update

    def learn(self, past: Reading) -> None:
        """Take a point of the past into the history, from a source's archive."""
        self._histories.note(past)
        self._foresights.note(past)

    def observed(
        self, seen: Observation, now: datetime, event_id: UUID, reason: str | None = None
    ) -> IntensityUpdated:
        """The update for a successful poll; `reason` says why no better source gave it."""
        self.learn(seen.reading)
        if self._last_seen is not None and self._last_seen.signal is not seen.reading.signal:
            self._last = None  # another signal: its bands have nothing to do with the last one
        if seen.forecast is not None:
            self._foresights.issued(seen.reading.signal, seen.forecast)
        self._issued = seen.forecast or self._still_good(seen.reading, now)
        self._last_seen = seen.reading
        cuts = self._cuts(seen.reading)
        self._last = IntensityUpdated(
            id=event_id,
            at=now,
            reading=seen.reading,
            band=self._band(seen.reading, cuts),
            freshness=Freshness.LIVE,
            forecast=self._foresights.ahead(seen.reading, self._issued, now),
            forecast_issued_until=self._issued.end if self._issued else None,
            cuts=cuts,
            reason=reason,
            warnings=seen.warnings,
            age_seconds=_age_seconds(seen.reading, now),
        )
        return self._last

    def failed(self, reason: str, now: datetime, event_id: UUID) -> IntensityUpdated | None:
        """The update for a failed poll, one rung down: forecast, forecaster, unknown.

        None before the first success, when not even the signal of the region is known.
        """
        if self._last_seen is None:
            return None
        rung, forecast = self._below_live(self._last_seen, now)
        expected = Curve.of(forecast).at(now.timestamp()) if forecast else None
        reading = _expected_reading(self._last_seen, expected, now)
        known = expected is not None
        cuts = self._cuts(reading) if known else None
        self._last = IntensityUpdated(
            id=event_id,
            at=now,
            reading=reading,
            band=self._band(reading, cuts) if known else Band.UNKNOWN,
            freshness=rung,
            forecast=forecast,
            forecast_issued_until=self._issued_until(rung),
            cuts=cuts,
            reason=reason,
            age_seconds=_age_seconds(self._last_seen, now),
        )
        return self._last

    def _still_good(self, seen: Reading, now: datetime) -> Forecast | None:
        """The last forecast, if the same source just failed to renew it and it covers now."""
        last, forecast = self._last_seen, self._issued
        if last is None or forecast is None or seen.intensity_g_per_kwh is None:
            return None
        covers = Curve.of(forecast).at(now.timestamp()) is not None
        return forecast if last.source == seen.source and covers else None

    def _below_live(self, seen: Reading, now: datetime) -> tuple[Freshness, Forecast | None]:
        issued = self._issued
        if issued is not None and Curve.of(issued).at(now.timestamp()) is not None:
            return Freshness.FORECAST, self._foresights.ahead(seen, issued, now)
        built_in = self._foresights.ahead(seen, None, now)
        rung = Freshness.UNKNOWN if built_in is None else Freshness.FORECASTER
        return rung, built_in

    def _issued_until(self, rung: Freshness) -> datetime | None:
        return self._issued.end if self._issued and rung is Freshness.FORECAST else None

    def _cuts(self, reading: Reading) -> Cuts | None:
        """The band edges in g/kWh; None where the index gives the band."""
        if reading.intensity_g_per_kwh is None or self._mode is BandMode.INDEX:
            return None
        if self._mode is BandMode.ABSOLUTE:
            return absolute_cuts()
        history = self._histories.of(reading.signal)
        values = history.values()
        if not history.spans_a_day():
            if self._issued is None:
                return absolute_cuts()
            values.extend(self._issued.values_g_per_kwh)
        return relative_cuts(values)

    def _band(self, reading: Reading, cuts: Cuts | None) -> Band:
        previous = self._last.band if self._last else Band.UNKNOWN
        if cuts is not None and reading.intensity_g_per_kwh is not None:
            return classify(reading.intensity_g_per_kwh, cuts, previous)
        if reading.index_percent is not None:
            return classify(reading.index_percent, index_cuts(), previous)
        return previous  # by index, while the source is away: the forecast has no percentiles


def _expected_reading(last: Reading, expected: float | None, now: datetime) -> Reading:
    period = last.period_seconds
    return Reading(
        region=last.region,
        at=utc(now.timestamp() // period * period),
        period_seconds=period,
        signal=last.signal,
        source=last.source,
        simulated=last.simulated,
        intensity_g_per_kwh=expected,
    )


def _age_seconds(seen: Reading, now: datetime) -> float:
    """How long ago the last observed point ended; 0 while it holds."""
    return max(0.0, (now - seen.at).total_seconds() - seen.period_seconds)

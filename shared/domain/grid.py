"""What is known of a region's grid: readings, forecasts, and how fresh they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from shared.domain.bands import Band, Cuts

LB_PER_MWH_TO_G_PER_KWH = 0.45359237


class Signal(StrEnum):
    """What an intensity means; sums never mix the two."""

    MARGINAL = "marginal"  # what one more kWh causes (WattTime)
    AVERAGE = "average"  # the mix (Electricity Maps, UK Carbon Intensity)


class Freshness(StrEnum):
    """The rung of the ladder that an intensity comes from, best first."""

    LIVE = "live"
    FORECAST = "forecast"  # the rest of the last forecast
    FORECASTER = "forecaster"  # the built-in continuation
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """One point of a region's carbon intensity.

    Attributes:
        at: start of the point, UTC; it holds for `period_seconds`.
        intensity_g_per_kwh: None where the source gives only an index.
        index_percent: WattTime's percentile, 0 cleanest to 100 dirtiest.
        simulated: replayed by an emulator, not observed now.
    """

    region: str
    at: datetime
    period_seconds: float
    signal: Signal
    source: str
    simulated: bool
    intensity_g_per_kwh: float | None = None
    index_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Evenly spaced intensities to come; the first point holds from `start`."""

    generated_at: datetime
    start: datetime
    period_seconds: float
    values_g_per_kwh: tuple[float, ...]

    @property
    def end(self) -> datetime:
        """When the last point ends."""
        return self.start + timedelta(seconds=self.period_seconds * len(self.values_g_per_kwh))


class Curve:
    """Prefix sums over a forecast, so that the mean of any window costs O(1)."""

    __slots__ = ("_sums", "end_s", "period_s", "start_s", "values")

    def __init__(self, start_s: float, period_s: float, values: Sequence[float]) -> None:
        """Take `values` in g/kWh, each held for `period_s` from `start_s` (Unix seconds)."""
        self.start_s = start_s
        self.period_s = period_s
        self.values = tuple(values)
        self.end_s = start_s + period_s * len(self.values)
        self._sums = (0.0, *accumulate(self.values))

    @classmethod
    def of(cls, forecast: Forecast) -> "Curve":
        """The curve of a forecast."""
        return cls(forecast.start.timestamp(), forecast.period_seconds, forecast.values_g_per_kwh)

    def at(self, at_s: float) -> float | None:
        """The value that holds at an instant, in g/kWh; None outside the curve."""
        if not self.start_s <= at_s < self.end_s:
            return None
        return self.values[min(int((at_s - self.start_s) / self.period_s), len(self.values) - 1)]

    def mean(self, start_s: float, seconds: float) -> float | None:
        """The mean over a window in g/kWh; None where the window leaves the curve."""
        if seconds <= 0:
            return self.at(start_s)
        if start_s < self.start_s or start_s + seconds > self.end_s + 1e-6:
            return None
        return (self._area(start_s + seconds) - self._area(start_s)) * self.period_s / seconds

    def _area(self, at_s: float) -> float:
        """Value x periods from the start up to an instant."""
        position = (at_s - self.start_s) / self.period_s
        whole = min(int(position), len(self.values))
        if whole == len(self.values):
            return self._sums[whole]
        return self._sums[whole] + self.values[whole] * (position - whole)


@dataclass(frozen=True, slots=True)
class Grid:
    """A region's grid as one decision sees it.

    Attributes:
        intensity_g_per_kwh: now; None where only an index is known, or nothing.
        curve: what is expected from now on; None without a forecast.
        cuts: the band edges for the curve's values; None where there are none in g/kWh.
        forecast_age_seconds: since the forecast was generated.
    """

    region: str
    band: Band
    freshness: Freshness
    intensity_g_per_kwh: float | None = None
    index_percent: float | None = None
    curve: Curve | None = None
    cuts: Cuts | None = None
    forecast_age_seconds: float | None = None

    @classmethod
    def unknown(cls, region: str) -> "Grid":
        """A grid of which nothing trustworthy is known."""
        return cls(region, Band.UNKNOWN, Freshness.UNKNOWN)

    def band_at(self, at_s: float) -> Band:
        """The band that the forecast expects at an instant; now's band where it is silent."""
        expected = self.curve.at(at_s) if self.curve else None
        if expected is None or self.cuts is None:
            return self.band
        return self.cuts.band_of(expected)


LIVE_PERIODS = 2.0
"""A reading stays live for this many periods after its own."""


def grid_at(
    now: datetime,
    reading: Reading,
    band: Band,
    freshness: Freshness,
    forecast: Forecast | None,
    cuts: Cuts | None,
) -> Grid:
    """What the last update says of the grid now: live, else its forecast, else unknown.

    Args:
        now: the moment to judge from, perhaps long after the update.
        reading: the update's.
        band: the update's.
        freshness: the update's own rung; the answer is never on a better one.
        forecast: the update's.
        cuts: the band edges for values in g/kWh.
    """
    now_s = now.timestamp()
    curve = Curve.of(forecast) if forecast else None
    forecast_age = (now - forecast.generated_at).total_seconds() if forecast else None
    age_seconds = now_s - reading.at.timestamp() - reading.period_seconds
    intensity = reading.intensity_g_per_kwh
    if freshness is Freshness.UNKNOWN:
        return Grid.unknown(reading.region)
    if age_seconds > LIVE_PERIODS * reading.period_seconds:
        intensity = curve.at(now_s) if curve else None
        if intensity is None or cuts is None:
            return Grid.unknown(reading.region)
        band, freshness = cuts.band_of(intensity), Freshness.FORECAST
    return Grid(
        region=reading.region,
        band=band,
        freshness=freshness,
        intensity_g_per_kwh=intensity,
        index_percent=reading.index_percent,
        curve=curve,
        cuts=cuts,
        forecast_age_seconds=forecast_age,
    )


def utc(at_s: float) -> datetime:
    """The instant of a Unix time."""
    return datetime.fromtimestamp(at_s, UTC)

"""What is known of a region's grid: readings, forecasts, and how fresh they are."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from math import ceil, floor

import numpy as np

from shared.domain.bands import Band, Cuts
from shared.domain.windows import SAME, Floats, Ints, Series, lows

LB_PER_MWH_TO_G_PER_KWH = 0.45359237
EMPTY: Floats = np.empty(0)


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


DURATIONS_KEPT = 64
SPANS_KEPT = 1000
LOOKS_ON = 1_000_000  # windows beyond the last one asked for: the next job may start later


class Curve:
    """Prefix sums over a forecast, so that the mean of any window costs O(1)."""

    __slots__ = (
        "_lows",
        "_means",
        "_ordered",
        "_series",
        "_sums",
        "end_s",
        "period_s",
        "start_s",
        "values",
    )

    def __init__(self, start_s: float, period_s: float, values: Sequence[float]) -> None:
        """Take `values` in g/kWh, each held for `period_s` from `start_s` (Unix seconds)."""
        self.start_s = start_s
        self.period_s = period_s
        self.values = tuple(values)
        self.end_s = start_s + period_s * len(self.values)
        self._sums = (0.0, *accumulate(self.values))
        self._series: Series | None = None
        self._means: dict[tuple[float, float], tuple[int, Floats]] = {}
        self._ordered: dict[tuple[int, int, float], Floats] = {}
        self._lows: dict[tuple[int, float, float], tuple[list[int], list[float]]] = {}

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

    def means(self, first: int, last: int, step_s: float, seconds: float) -> Floats:
        """The means of windows that start at `n x step`, first <= n <= last (Unix seconds).

        Shorter than asked for where the curve ends. Many jobs are as long as others, so the
        answer for a duration is kept until there is a new curve.
        """
        key = (step_s, seconds)
        if key not in self._means:
            if len(self._means) >= DURATIONS_KEPT:
                self._means.clear()
                self._lows.clear()
            self._means[key] = self._all_means(step_s, seconds)
        begin, means = self._means[key]
        return means[max(0, first - begin) : max(0, last + 1 - begin)] if first >= begin else EMPTY

    def best(
        self, first: int, last: int, step_s: float, seconds: float
    ) -> tuple[int, float] | None:
        """Of those windows the cleanest, its number and mean; ties go to the earliest.

        None where the curve ends before the first of them does.
        """
        key = (first, step_s, seconds)
        if key not in self._lows:
            means = self.means(first, last + LOOKS_ON, step_s, seconds)
            self._lows[key] = lows(means)
        numbers, means_there = self._lows[key]
        place = bisect_right(numbers, last - first) - 1
        return None if place < 0 else (first + numbers[place], means_there[place])

    def ordered(self, first: int, last: int, step_s: float) -> Floats:
        """The means of the steps from first to last, cheapest first."""
        key = (first, last, step_s)
        if key not in self._ordered:
            if len(self._ordered) >= SPANS_KEPT:
                self._ordered.clear()
            self._ordered[key] = np.sort(self.means(first, last, step_s, step_s))
        return self._ordered[key]

    def _all_means(self, step_s: float, seconds: float) -> tuple[int, Floats]:
        """The number of the first step on the curve, and the means from there on."""
        begin = ceil(self.start_s / step_s - SAME)
        last = floor((self.end_s - seconds) / step_s + SAME)
        if last < begin:
            return begin, EMPTY
        if self._series is None:
            self._series = Series(self.start_s, self.period_s, self.values)
        return begin, self._series.means_every(begin * step_s, step_s, last - begin + 1, seconds)

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

    def band_ranks_at(self, starts_s: Floats) -> Ints:
        """Ranks of the bands at many instants."""
        ranks = np.full(len(starts_s), self.band.rank)
        if self.curve is None or self.cuts is None:
            return ranks
        points = np.floor((starts_s - self.curve.start_s) / self.curve.period_s + SAME)
        inside = (points >= 0) & (points < len(self.curve.values))
        expected = np.asarray(self.curve.values)[points[inside].astype(np.int64)]
        edges = np.array(self.cuts.edges)
        medium = Band.MEDIUM.rank  # a flat grid has no edges
        ranks[inside] = np.searchsorted(edges, expected, side="right") if len(edges) else medium
        return ranks


LIVE_PERIODS = 2.0
"""A reading stays live for this many periods after its own."""


def grid_at(
    now: datetime,
    reading: Reading,
    band: Band,
    freshness: Freshness,
    forecast: Forecast | None,
    cuts: Cuts | None,
    curve: Curve | None = None,
) -> Grid:
    """What the last update says of the grid now: live, else its forecast, else unknown.

    Args:
        now: the moment to judge from, perhaps long after the update.
        reading: the update's.
        band: the update's.
        freshness: the update's own rung; the answer is never on a better one.
        forecast: the update's.
        cuts: the band edges for values in g/kWh.
        curve: the forecast's, by whoever asks more than once.
    """
    now_s = now.timestamp()
    if curve is None and forecast is not None:
        curve = Curve.of(forecast)
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

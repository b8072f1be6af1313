"""What a policy may know at a moment: the present point, and what was expected of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shared.domain.forecaster import Forecaster, blend, weight_of_issued
from shared.domain.windows import Floats, Series

DAY_SECONDS = 86_400.0


class Knowledge(Protocol):
    """One mode of forecasting."""

    def at(self, point: int, count: int) -> Floats:
        """The expected intensities of `count` points from `point` on, as known when it begins."""
        ...


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One fixed expectation: the truth itself, or the truth with noise."""

    series: Series

    def at(self, point: int, count: int) -> Floats:
        """A stretch of the series."""
        values = self.series.values[point : point + count]
        missing = count - len(values)
        return np.pad(values, (0, missing), mode="edge") if missing > 0 else values


def noisy(series: Series, share: float, seed: int, points: int) -> Foreseen:
    """The truth with independent Gaussian noise of `share` x the mean intensity on each point.

    The model of Wiesner et al., "Let's Wait Awhile", Middleware 2021.

    Args:
        series: the truth.
        share: standard deviation over the mean.
        seed: of numpy's default generator.
        points: how many points were recorded; what is carried beyond them has no noise.
    """
    values = series.values.copy()
    sigma = share * float(values[:points].mean())
    values[:points] += np.random.default_rng(seed).normal(0.0, sigma, points)
    return Foreseen(Series(series.start_s, series.period_s, values))


class BuiltIn:
    """The built-in forecaster, refitted as time goes by, on nothing but the past.

    Forecasts are made for a stretch of moments at once, which is faster than one by one and
    gives the same: each row uses values up to its own moment only.
    """

    POINTS_AT_ONCE = 512

    def __init__(self, series: Series, forecaster: Forecaster | None = None) -> None:
        """Nothing is forecast before it is asked for; another forecaster serves comparisons."""
        self._series = series
        self._forecaster = forecaster or Forecaster(series.period_s, DAY_SECONDS)
        self._first = 0
        self._rows: Floats = np.empty((0, 0))

    @property
    def steps_per_day(self) -> int:
        """How many points make a day."""
        return self._forecaster.steps_per_day

    def at(self, point: int, count: int) -> Floats:
        """The forecast as it was possible when `point` began; its first value is observed."""
        held, wide = self._rows.shape
        if not self._first <= point < self._first + held or count > wide:
            self._forecast_from(point, max(count, wide))
        row: Floats = self._rows[point - self._first, :count]
        return row

    def _forecast_from(self, point: int, count: int) -> None:
        last = min(len(self._series), point + self.POINTS_AT_ONCE)
        nows = np.arange(point, min(last, self._forecaster.stage_ends(point)))
        series = self._series
        self._rows = self._forecaster.rows(series.values, series.start_s, nows, count)
        self._first = point


class Issued:
    """Forecasts as a provider issued them, each continued by the built-in forecaster.

    How far they are trusted where both speak is taken once a week from how the forecasts of the
    week before came out; until then entirely.
    """

    def __init__(self, series: Series, issues: Mapping[float, Series]) -> None:
        """Take the forecasts by the instant of their issue (Unix seconds)."""
        self._series, self._issues = series, issues
        self._built_in, self._looking_back = BuiltIn(series), BuiltIn(series)
        self._generated_s = np.array(sorted(issues))
        self._week = 7 * self._built_in.steps_per_day
        self._weights: dict[int, float] = {}

    def at(self, point: int, count: int) -> Floats:
        """The newest forecast that had been issued when `point` began, and its continuation."""
        own = self._built_in.at(point, count)
        issued = self._issued(point, count)
        if np.isnan(issued).all():
            return own
        issued[0] = own[0]  # the present point is observed
        return blend(issued, own, self._built_in.steps_per_day, self._weight(point // self._week))

    def _issued(self, point: int, count: int) -> Floats:
        """What the newest issue says; NaN where it is silent."""
        now_s = self._series.point_start_s(point)
        place = int(np.searchsorted(self._generated_s, now_s + 1e-6, side="right")) - 1
        if place < 0:
            return np.full(count, np.nan)
        issue = self._issues[float(self._generated_s[place])]
        starts_s = now_s + self._series.period_s * np.arange(count)
        covered = (starts_s >= issue.start_s - 1e-6) & (starts_s < issue.end_s - 1e-6)
        position = np.clip(issue.point_at(starts_s), 0, len(issue) - 1)
        return np.where(covered, issue.values[position], np.nan)

    def _weight(self, week: int) -> float:
        """The trust in the issues of a week, from the hours of the week before it."""
        if week == 0:
            return 1.0
        if week not in self._weights:
            day = self._built_in.steps_per_day
            begin, end = (week - 1) * self._week, week * self._week
            moments = range(begin, end - day, max(1, day // 24))
            issued = np.stack([self._issued(point, day) for point in moments])
            own = np.stack([self._looking_back.at(point, day) for point in moments])
            truth = np.stack([self._series.values[point : point + day] for point in moments])
            issued[:, 0] = np.nan
            self._weights[week] = weight_of_issued(issued, own, truth)
        return self._weights[week]

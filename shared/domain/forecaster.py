"""The built-in forecaster: what a region's own history says of the hours to come.

In the first week it is the hour-of-day profile of seven days, corrected by the present error,
which decays into the profile. From a week on that is averaged with analog days, the past moments
whose last day looked most alike. From four weeks on, these are averaged with a ridge regression
instead (on the errors of the last day, the same hours of yesterday and of last week, the shape of
the profile and the time of day; refitted weekly). Of the forecasters that were compared on
recorded grids this one saves most.
"""

from dataclasses import dataclass

import numpy as np

from shared.domain.hourly import DECAY_PER_HOUR, HOURS, Hourly
from shared.domain.windows import Floats, Ints

FIT_EVERY_DAYS = 7
COMPARES_AFTER_DAYS = 7
LEARNS_AFTER_DAYS = 28
"""With less history the regression loses: over the days 14 to 42 of a growing history the mean
share of the possible saving on the eight hourly zones of 2022 is 0.802, 0.835, 0.843 and 0.835
where it begins after 14, 21, 28 and 42 days. With 8 trailing days, all that a stream keeps, it has
0.45 to 0.57, the profile and its error 0.812, and these with analog days 0.815.
"""
REMEMBERS_DAYS = 366
RIDGE = 0.003


@dataclass(frozen=True, slots=True)
class _Fit:
    """A ridge regression from standardised features to errors of the profile."""

    centre: Floats
    spread: Floats
    weights: Floats

    def errors(self, features: Floats) -> Floats:
        rows: Floats = ((features - self.centre) / self.spread) @ self.weights
        return rows


class Forecaster:
    """Forecasts one region from its history; keeps a fit for a week of that history."""

    def __init__(self, period_s: float, day_s: float = 86_400.0) -> None:
        """Start unfitted.

        Args:
            period_s: distance of the points.
            day_s: length of a day: 86,400, or less where time is replayed faster.
        """
        self.steps_per_day = max(1, round(day_s / period_s))
        self.period_s = period_s
        self._day_s = day_s
        self._fits: tuple[float, _Fit] | None = None

    def stage_ends(self, now: int) -> int:
        """Until which point the same fit is used as at point `now`."""
        if now < self.steps_per_day:
            return self.steps_per_day
        week = FIT_EVERY_DAYS * self.steps_per_day
        return (now // week + 1) * week

    def rows(self, values: Floats, start_s: float, nows: Ints, count: int) -> Floats:
        """Forecasts made at several moments of one stage, a row of `count` points for each.

        Args:
            values: the history, evenly spaced; a row uses nothing after its own moment.
            start_s: start of the first value (Unix seconds).
            nows: numbers of the points that are the present, ascending.
            count: how many points to give; the first is the present one, as observed.
        """
        known = values[: int(nows[-1]) + 1]
        if nows[0] < self.steps_per_day:  # less than a day is known: the present goes on
            return np.repeat(known[nows][:, None], count, axis=1)
        hourly = Hourly(known, self.steps_per_day, start_s / self._day_s)
        # Where an hour is no whole number of points there are no hours to compare or to learn from.
        if nows[0] < COMPARES_AFTER_DAYS * self.steps_per_day or self.steps_per_day % HOURS:
            return hourly.decaying(nows, count)
        analogs = hourly.analogs(nows, REMEMBERS_DAYS)
        if nows[0] < LEARNS_AFTER_DAYS * self.steps_per_day:
            alike = hourly.in_points(nows, np.maximum(analogs, 0.0), count)
            return (alike + hourly.decaying(nows, count)) / 2
        errors = self._fit(hourly, int(nows[0]), start_s).errors(hourly.features(nows))
        regressed = hourly.profile_ahead(nows) + errors
        hours = (regressed + analogs) / 2
        return hourly.in_points(nows, np.maximum(hours, 0.0), count)

    def _fit(self, hourly: Hourly, now: int, start_s: float) -> _Fit:
        """The fit of the stage that `now` is in, made from what was known when it began.

        It is known by its instant: the history may lose its oldest weeks meanwhile.
        """
        week = FIT_EVERY_DAYS * self.steps_per_day
        stage = now // week * week
        begins_s = start_s + stage * self.period_s
        if self._fits is None or self._fits[0] != begins_s:
            self._fits = begins_s, self._fitted(hourly, stage)
        return self._fits[1]

    def _fitted(self, hourly: Hourly, stage: int) -> _Fit:
        day = self.steps_per_day
        first = max(FIT_EVERY_DAYS * day, stage - REMEMBERS_DAYS * day)
        # Half-hour steps: neighbouring rows of a finer history say the same.
        moments = np.arange(first, stage - hourly.hour * HOURS, max(1, hourly.hour // 2))
        features, targets = hourly.features(moments), hourly.targets(moments)
        centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
        scaled = (features - centre) / spread
        penalty = RIDGE * len(moments) * np.eye(scaled.shape[1])
        weights = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ targets)
        return _Fit(centre, spread, weights)


def blend(issued: Floats, own: Floats, steps_per_day: int, weight: float = 1.0) -> Floats:
    """An issued forecast, continued: where it ends, its distance to our own decays into that.

    Args:
        issued: a value for each point; NaN where the provider gives none.
        own: the built-in forecast of the same points.
        steps_per_day: how many points make a day.
        weight: of the issued forecast against our own where there are both, 0 to 1.
    """
    given = np.flatnonzero(~np.isnan(issued))
    if not len(given):
        return own
    last = int(given[-1])
    both = np.where(np.isnan(issued), own, weight * issued + (1 - weight) * own)
    hours = np.maximum(np.arange(len(own)) - last, 0) * HOURS / steps_per_day
    tail = own + (both[last] - own[last]) * DECAY_PER_HOUR**hours
    return np.where(np.isnan(issued), np.maximum(tail, 0.0), both)


def weight_of_issued(issued: Floats, own: Floats, truth: Floats) -> float:
    """How far to trust an issued forecast: the mix with our own that came closest to the truth.

    The least squares of truth - own over issued - own (Bates and Granger, 1969), within 0 and 1.

    Args:
        issued: past forecasts of the provider, point by point; NaN where there are none.
        own: ours of the same moments and points.
        truth: what came.
    """
    differs = np.nan_to_num(issued - own)
    spread = float((differs**2).sum())
    if spread <= 0:
        return 1.0
    return min(1.0, max(0.0, float((differs * (truth - own)).sum()) / spread))

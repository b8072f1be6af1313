"""The built-in forecaster: what a region's own history says of the hours to come.

With little history it is the hour-of-day profile of seven days, corrected by the present error,
which decays into the profile. From two weeks on, a ridge regression (on the errors of the last
day, the same hours of yesterday and of last week, the shape of the profile and the time of day;
refitted weekly) is averaged with analog days, the past moments whose last day looked most alike.
Of the forecasters that were compared on recorded grids this one saves most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.domain.grid import Forecast, utc
from shared.domain.hourly import DECAY_PER_HOUR, HOURS, Hourly
from shared.domain.windows import Floats, Ints

FIT_EVERY_DAYS = 7
LEARNS_AFTER_DAYS = 14
REMEMBERS_DAYS = 366
RIDGE = 0.003


@dataclass(frozen=True, slots=True)
class Past:
    """One observed intensity in g/kWh; it held from `at_s` (Unix seconds)."""

    at_s: float
    intensity_g_per_kwh: float


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
        self._day_s = day_s
        self._fits: tuple[int, _Fit] | None = None

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
        if nows[0] < LEARNS_AFTER_DAYS * self.steps_per_day:
            return hourly.decaying(nows, count)
        errors = self._fit(hourly, int(nows[0])).errors(hourly.features(nows))
        regressed = hourly.profile_ahead(nows) + errors
        hours = (regressed + hourly.analogs(nows, REMEMBERS_DAYS)) / 2
        return hourly.in_points(nows, np.maximum(hours, 0.0), count)

    def _fit(self, hourly: Hourly, now: int) -> _Fit:
        """The fit of the stage that `now` is in, made from what was known when it began."""
        week = FIT_EVERY_DAYS * self.steps_per_day
        stage = now // week * week
        if self._fits is None or self._fits[0] != stage:
            self._fits = stage, self._fitted(hourly, stage)
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
    both = np.where(np.isnan(issued), own, own + weight * (issued - own))
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


def profile_forecast(
    history: Sequence[Past], from_s: float, period_s: float, day_s: float, points: int
) -> Forecast | None:
    """The built-in forecast for each point from `from_s` on; None with less than a day of history.

    Args:
        history: ordered by time, nothing later than the moment of asking.
        from_s: start of the first point (Unix seconds).
        period_s: distance of the points.
        day_s: length of a day: 86,400, or less where time is replayed faster.
        points: how many to give.
    """
    if not history or from_s - history[0].at_s < day_s:
        return None
    values, last_s = _even(history, period_s)
    if len(values) <= round(day_s / period_s):
        return None
    away = max(0, round((from_s - last_s) / period_s))
    forecaster = Forecaster(period_s, day_s)
    now = np.array([len(values) - 1])
    row = forecaster.rows(values, last_s - period_s * (len(values) - 1), now, away + points)[0]
    return Forecast(utc(from_s), utc(from_s), period_s, tuple(row[away:].tolist()))


def continue_forecast(
    issued: Forecast, history: Sequence[Past], day_s: float, points: int, weight: float = 1.0
) -> Forecast:
    """An issued forecast that reaches too short, continued to `points` points by our own.

    It is returned as it is where it reaches far enough or the history says nothing. `weight`
    says how far it is trusted against our own; see `weight_of_issued`.
    """
    start_s, period_s = issued.start.timestamp(), issued.period_seconds
    missing = points - len(issued.values_g_per_kwh)
    before = [past for past in history if past.at_s <= start_s + period_s / 2]
    own = profile_forecast(before, start_s, period_s, day_s, points) if missing > 0 else None
    if own is None:
        return issued
    given = np.array((*issued.values_g_per_kwh, *[np.nan] * missing))
    whole = blend(given, np.array(own.values_g_per_kwh), max(1, round(day_s / period_s)), weight)
    return Forecast(issued.generated_at, issued.start, period_s, tuple(whole.tolist()))


def _even(history: Sequence[Past], period_s: float) -> tuple[Floats, float]:
    """The history on an even grid, gaps bridged by straight lines; and its last instant."""
    steps = np.array([round(past.at_s / period_s) for past in history])
    values = np.array([past.intensity_g_per_kwh for past in history])
    grid = np.arange(steps[0], steps[-1] + 1)
    return np.interp(grid, steps, values), float(steps[-1]) * period_s

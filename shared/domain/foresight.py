"""What is expected of a region as time goes by: issued forecasts, continued and weighed by our own.

Nothing that is observed after the moment of asking enters an answer, however much is known.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from shared.domain.forecaster import Forecaster, blend, weight_of_issued
from shared.domain.grid import Forecast, utc
from shared.domain.hourly import HOURS
from shared.domain.observed import DAYS_OF_A_WEEK, Observed
from shared.domain.windows import Floats, Ints, Series

REMEMBERS_DAYS = 60.0
MOST_POINTS = 864
ENOUGH_ISSUES = DAYS_OF_A_WEEK * HOURS // 2
"""Half a week of hourly issues: with fewer a forecast that was issued is trusted entirely."""
DECIMALS = 2  # of g/kWh, as those of the sources


@dataclass(frozen=True, slots=True)
class Issue:
    """The first day of a forecast that was issued, point by point in g/kWh."""

    start_s: float
    period_s: float
    values: Floats


class Trust:
    """How far to trust a provider: by how its issues of the last week came out against ours."""

    def __init__(self, day_s: float) -> None:
        """Start without an issue.

        Args:
            day_s: length of a day: 86,400, or less where time is replayed faster.
        """
        self._day_s = day_s
        self._issues: list[Issue] = []
        self._forecaster: Forecaster | None = None
        self._weight = 1.0
        self._asked_day = -math.inf

    def note(self, issued: Forecast) -> None:
        """Hold an issue: one an hour, for a week after the day that it speaks of."""
        start_s, hour_s = issued.start.timestamp(), self._day_s / HOURS
        if self._issues and start_s < self._issues[-1].start_s + hour_s * (1 - 1e-6):
            return
        points = max(1, round(self._day_s / issued.period_seconds))
        values = np.array(issued.values_g_per_kwh[:points])
        self._issues.append(Issue(start_s, issued.period_seconds, values))
        oldest_s = start_s - (DAYS_OF_A_WEEK + 1) * self._day_s
        self._issues = [issue for issue in self._issues if issue.start_s >= oldest_s]

    def weight(self, series: Series, now_s: float) -> float:
        """The share of an issued forecast against our own, 0 to 1; taken anew once a day.

        Args:
            series: what was observed up to now.
            now_s: Unix seconds.
        """
        if now_s // self._day_s != self._asked_day:
            self._asked_day = now_s // self._day_s
            self._weight = self._weighed(series)
        return self._weight

    def _weighed(self, series: Series) -> float:
        """The weight from the issues whose day has passed, at the points that the series has."""
        day = max(1, round(self._day_s / series.period_s))
        rows = {
            now: issue.values
            for issue in self._issues
            if issue.period_s == series.period_s
            and day <= (now := round((issue.start_s - series.start_s) / series.period_s))
            and now + day <= len(series)
        }
        if len(rows) < ENOUGH_ISSUES:
            return 1.0
        nows = np.array(sorted(rows))
        issued = np.full((len(nows), day), np.nan)
        for row, now in zip(issued, nows, strict=True):
            row[: len(rows[now])] = rows[now]
        issued[:, 0] = np.nan  # the present point is observed, by both
        truth = series.values[nows[:, None] + np.arange(day)]
        return weight_of_issued(issued, self._own(series, nows, day), truth)

    def _own(self, series: Series, nows: Ints, count: int) -> Floats:
        """What we would have said at those moments, with the fit of each moment's own week."""
        if self._forecaster is None or self._forecaster.period_s != series.period_s:
            self._forecaster = Forecaster(series.period_s, self._day_s)
        parts, first = [], 0
        while first < len(nows):
            until = self._forecaster.stage_ends(int(nows[first]))
            last = int(np.searchsorted(nows, until))
            part = nows[first:last]
            parts.append(self._forecaster.rows(series.values, series.start_s, part, count))
            first = last
        return np.concatenate(parts)


class Foresight:
    """Forecasts one signal of a region; keeps history, fit, and the trust in the provider."""

    def __init__(self, day_s: float = 86_400.0, remembers_days: float = REMEMBERS_DAYS) -> None:
        """Start with no history.

        Args:
            day_s: length of a day: 86,400, or less where time is replayed faster.
            remembers_days: how much history is kept.
        """
        self.observed = Observed(day_s, remembers_days)
        self._day_s = day_s
        self._trust = Trust(day_s)
        self._forecaster: Forecaster | None = None

    def note(self, issued: Forecast) -> None:
        """Take a forecast as the provider issued it, to see later how it came out."""
        self._trust.note(issued)

    def ahead(
        self, issued: Forecast | None, now_s: float, period_s: float, hours: float
    ) -> Forecast | None:
        """The forecast from now to `hours` ahead or further; None where nothing is known.

        An issued one is given as far as it goes, weighed against our own, and continued by that;
        as it is while less than a day of history is known, or where it reaches far enough and
        is trusted entirely. Without it the answer is our own alone.

        Args:
            issued: what a provider says; it may have begun before now.
            now_s: the moment of asking (Unix seconds); nothing observed later is used.
            period_s: distance of the points where nothing was issued.
            hours: of a day's 24, which are shorter where time is replayed faster.
        """
        if issued is not None:
            period_s = issued.period_seconds
        series = self.observed.series(period_s, now_s)
        if series is None:
            return issued
        until_s = now_s + hours / HOURS * self._day_s
        start_s = issued.start.timestamp() if issued else now_s // period_s * period_s
        points = math.ceil((until_s - start_s) / period_s - 1e-6)
        points = min(MOST_POINTS, max(1, points))
        if issued is None:
            own = self._own(series, start_s, points)
            return _forecast(utc(now_s), start_s, period_s, own)
        given = len(issued.values_g_per_kwh)
        weight = self._trust.weight(series, now_s)
        if given >= points and weight >= 1:
            return issued
        own = self._own(series, start_s, max(points, given))
        return self._mixed(issued, own, weight, now_s)

    def _mixed(self, issued: Forecast, own: Floats, weight: float, now_s: float) -> Forecast:
        """An issued forecast, weighed and continued; what had come by now stays as issued."""
        period_s, start_s = issued.period_seconds, issued.start.timestamp()
        given = np.full(len(own), np.nan)
        given[: len(issued.values_g_per_kwh)] = issued.values_g_per_kwh
        whole = blend(given, own, max(1, round(self._day_s / period_s)), weight)
        come = max(0, math.floor((now_s - start_s) / period_s) + 1)
        come = min(come, len(issued.values_g_per_kwh))
        whole[:come] = given[:come]
        return _forecast(issued.generated_at, start_s, period_s, whole)

    def _own(self, series: Series, start_s: float, points: int) -> Floats:
        """Our own forecast of the points from an instant on; what was observed is as it was."""
        period_s = series.period_s
        if self._forecaster is None or self._forecaster.period_s != period_s:
            self._forecaster = Forecaster(period_s, self._day_s)
        first = round((start_s - series.start_s) / period_s)
        now = len(series) - 1
        count = max(1, first + points - now)
        row = self._forecaster.rows(series.values, series.start_s, np.array([now]), count)[0]
        whole = np.concatenate((series.values[:now], row))
        return whole[np.maximum(first + np.arange(points), 0)]


def _forecast(made_at: datetime, start_s: float, period_s: float, values: Floats) -> Forecast:
    rounded = tuple(np.round(values, DECIMALS).tolist())
    return Forecast(made_at, utc(start_s), period_s, rounded)

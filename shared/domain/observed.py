"""What was observed of one region, kept for a trailing window and read as an even series."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shared.domain.hourly import HOURS
from shared.domain.windows import Floats, Series

DAYS_OF_A_WEEK = 7
HOURS_OF_A_LINE = 3
"""Longer gaps are not bridged by a straight line: it would cut a morning's or evening's turn."""


@dataclass(frozen=True, slots=True)
class Past:
    """One observed intensity in g/kWh; it held from `at_s` (Unix seconds)."""

    at_s: float
    intensity_g_per_kwh: float


class Observed:
    """Observed intensities of one signal in a region, of the last `days` and up to a week more.

    The beginning moves by whole weeks, so that what is learnt weekly stays valid meanwhile.
    """

    def __init__(self, day_s: float, days: float) -> None:
        """Start empty.

        Args:
            day_s: length of a day: 86,400, or less where time is replayed faster.
            days: how many of them are remembered.
        """
        self._day_s = day_s
        self._remembers_s = days * day_s
        self._points: dict[float, float] = {}

    def __len__(self) -> int:
        """The number of points."""
        return len(self._points)

    def add(self, at_s: float, intensity_g_per_kwh: float) -> None:
        """Take a point as it was observed; of two at the same instant the later word counts."""
        self._points[at_s] = intensity_g_per_kwh

    def fill(self, points: Iterable[Past]) -> None:
        """Take points from an archive, where none was observed."""
        for past in points:
            self._points.setdefault(past.at_s, past.intensity_g_per_kwh)

    def series(self, period_s: float, now_s: float) -> Series | None:
        """The points up to now on the grid of a period; None where less than a day is known.

        Points closer to each other than the period are averaged. A short gap is bridged by a
        straight line, a longer one by the day before it.
        """
        self._forget(now_s)
        at_s, values = self._until(now_s)
        if not len(at_s):
            return None
        steps = np.floor(at_s / period_s + 1e-6).astype(np.int64)
        places = steps - steps[0]
        counts = np.bincount(places)
        day = max(1, round(self._day_s / period_s))
        if np.count_nonzero(counts) <= day:
            return None
        sums = np.bincount(places, values)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return Series(float(steps[0]) * period_s, period_s, _without_gaps(means, day))

    def _until(self, now_s: float) -> tuple[Floats, Floats]:
        """Instants and values in the order of time, nothing later than now."""
        count = len(self._points)
        at_s = np.fromiter(self._points.keys(), np.float64, count)
        values = np.fromiter(self._points.values(), np.float64, count)
        order = np.argsort(at_s, kind="stable")
        order = order[: np.searchsorted(at_s[order], now_s, side="right")]
        return at_s[order], values[order]

    def _forget(self, now_s: float) -> None:
        first_s = min(self._points, default=now_s)
        week_s = DAYS_OF_A_WEEK * self._day_s
        weeks = int((now_s - self._remembers_s - first_s) // week_s)
        if weeks > 0:
            begin_s = first_s + weeks * week_s
            self._points = {at: value for at, value in self._points.items() if at >= begin_s}


def _without_gaps(values: Floats, day: int) -> Floats:
    """Values whose first and last are known, the ones missing between filled in."""
    filled = values.copy()
    places = np.arange(len(values))
    known = np.flatnonzero(~np.isnan(values))
    for gap in np.flatnonzero(np.diff(known) - 1 > day * HOURS_OF_A_LINE / HOURS):
        before, after = int(known[gap]), int(known[gap + 1])
        for start in range(before + 1, after, day) if before >= day else ():
            stop = min(start + day, after)
            filled[start:stop] = filled[start - day : stop - day]
    missing = np.isnan(filled)
    filled[missing] = np.interp(places[missing], places[~missing], filled[~missing])
    return filled

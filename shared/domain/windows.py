"""Arrays over evenly spaced intensities: the mean of any window, the best start, the best slots.

All intensities are in g/kWh, all instants Unix seconds. A point's value holds for its whole
period, so an area under the series is exact, whatever part of a point a window covers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

SAME = 1e-9
"""Relative difference below which two windows count as equal: sums of floats never are."""


class Series:
    """Evenly spaced intensities with prefix sums; the last value holds on beyond the end."""

    __slots__ = ("_knots_s", "_sums", "end_s", "period_s", "start_s", "values")

    def __init__(self, start_s: float, period_s: float, values: Sequence[float] | Floats) -> None:
        """Take at least one value; the first holds from `start_s`."""
        self.start_s = float(start_s)
        self.period_s = float(period_s)
        self.values: Floats = np.asarray(values, dtype=np.float64)
        self.end_s = self.start_s + self.period_s * len(self.values)
        self._sums: Floats = np.concatenate(([0.0], np.cumsum(self.values))) * self.period_s
        self._knots_s: Floats = self.period_s * np.arange(len(self.values) + 1)

    def __len__(self) -> int:
        """The number of points."""
        return len(self.values)

    def point_at(self, at_s: Floats) -> Ints:
        """The numbers of the points that hold at some instants; may lie outside the series."""
        points: Ints = np.floor((at_s - self.start_s) / self.period_s + SAME).astype(np.int64)
        return points

    def point_start_s(self, point: int) -> float:
        """When a point begins."""
        return self.start_s + self.period_s * point

    def area(self, at_s: Floats) -> Floats:
        """Intensity integrated from the start of the series, in g/kWh x s."""
        inside: Floats = np.interp(at_s - self.start_s, self._knots_s, self._sums)
        beyond = at_s - self.end_s
        if beyond.size and beyond.max() > 0:
            inside = inside + np.maximum(beyond, 0.0) * self.values[-1]
        return inside

    def mean(self, start_s: Floats, seconds: Floats | float) -> Floats:
        """The mean intensity of windows, exact also where they begin or end inside a point."""
        return (self.area(start_s + seconds) - self.area(start_s)) / seconds

    def means_every(self, first_s: float, step_s: float, count: int, seconds: float) -> Floats:
        """The means of the windows that start at `first + n x step`, n < count.

        Where the starts fall on points no search is needed: every sum lies at a fixed distance.
        """
        first, stride = (first_s - self.start_s) / self.period_s, step_s / self.period_s
        whole = int(seconds / self.period_s + SAME)
        rest = max(0.0, seconds / self.period_s - whole)
        at, step = round(first), round(stride)
        last = at + step * (count - 1) + whole
        aligned = abs(first - at) < SAME and abs(stride - step) < SAME and step > 0
        if not aligned or at < 0 or last + (rest > SAME) > len(self.values):
            return self.mean(first_s + step_s * np.arange(count), seconds)
        begins, ends = (
            slice(at, at + step * (count - 1) + 1, step),
            slice(at + whole, last + 1, step),
        )
        area: Floats = self._sums[ends] - self._sums[begins]
        if rest > SAME:
            area += (rest * self.period_s) * self.values[ends]
        area /= seconds
        return area

    def extended_to(self, end_s: float) -> "Series":
        """The series with its last value held on until `end_s` at least."""
        missing = int(np.ceil((end_s - self.end_s) / self.period_s - SAME))
        if missing <= 0:
            return self
        held = np.full(missing, self.values[-1])
        return Series(self.start_s, self.period_s, np.concatenate((self.values, held)))


def earliest_minimum(means: Floats) -> int:
    """Position of the least value; among equals the first."""
    least = float(means.min())
    return int(np.argmax(means <= least + SAME * abs(least)))


def lows(means: Floats) -> tuple[list[int], list[float]]:
    """Positions and values at which a series, 0 or more, is lower than ever before."""
    if not len(means):
        return [], []
    before = np.minimum.accumulate(means)
    before *= 1 - SAME
    lower = np.flatnonzero(means[1:] < before[:-1])
    lower += 1
    places = [0, *lower.tolist()]
    return places, means[places].tolist()


def cheapest_slots(intensities: Floats, lengths_s: Floats, seconds: float) -> Floats:
    """How long to run in each slot so that `seconds` of work emit least.

    The cheapest slots are filled first, ties to the earliest; the dearest one that is needed
    may be used in part.

    Args:
        intensities: of the slots, in order of time.
        lengths_s: how long each slot is.
        seconds: what is to be placed; what finds no room is left out.
    """
    order = np.argsort(intensities, kind="stable")
    before = np.concatenate(([0.0], np.cumsum(lengths_s[order])[:-1]))
    used = np.empty_like(lengths_s)
    used[order] = np.clip(seconds - before, 0.0, lengths_s[order])
    return used


def slot_is_among_cheapest(later: Floats, now: float, slot_s: float, seconds: float) -> bool:
    """Whether the present slot belongs to the cheapest set that adds up to `seconds`.

    It does unless the strictly cheaper slots still to come can take all of the work.

    Args:
        later: intensities of the whole slots still to come before the deadline.
        now: intensity of the present slot.
        slot_s: the length of a slot.
        seconds: the work that is left.
    """
    return float(np.count_nonzero(later < now - SAME * abs(now))) * slot_s < seconds - SAME

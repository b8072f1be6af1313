"""What would have been best, had the grid been known in full: the clairvoyant bound of many jobs.

Everything works on columns, one place for each job: a report looks back at a hundred thousand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.domain.savings import CARRY_PERIODS, Point
from shared.domain.windows import SAME, Floats, Ints, Series

Bools = npt.NDArray[np.bool_]
Progress = Callable[[int], None]
CELLS_AT_ONCE = 1_000_000
"""Jobs x points that are weighed together: some ten megabytes for each array."""


def _silent(count: int) -> None:
    del count


@dataclass(frozen=True)
class Recorded:
    """A region's recorded intensities on an even axis, and how much of it may be relied on.

    Attributes:
        series: point by point; what is missing holds the value before it.
        unknown_before: how many points of the axis are not known before each one, and in all.
    """

    series: Series
    unknown_before: Ints

    @classmethod
    def of(cls, points: Sequence[Point], reliable: Sequence[bool]) -> "Recorded":
        """Put points on an axis of the shortest of their periods.

        As in an account, a missing point is replaced by the one before it for at most
        `CARRY_PERIODS` of its periods; beyond the last point nothing is known.

        Args:
            points: ordered; at least one.
            reliable: whether each of them counts as known.
        """
        at_s = np.array([point.at_s for point in points])
        periods_s = np.array([point.period_s for point in points])
        period_s = float(periods_s.min())
        places = np.rint((at_s - at_s[0]) / period_s).astype(np.int64)
        end = int(places[-1]) + max(1, round(float(periods_s[-1]) / period_s))
        axis = np.arange(end)
        holds = np.searchsorted(places, axis, side="right") - 1
        carried = (axis - places[holds]) * period_s
        known = carried < periods_s[holds] * (1 + CARRY_PERIODS) - SAME
        known &= np.asarray(reliable, dtype=np.bool_)[holds]
        values = np.array([point.intensity_g_per_kwh for point in points])[holds]
        unknown = np.concatenate(([0], np.cumsum(~known)))
        return cls(Series(float(at_s[0]), period_s, values), unknown)

    def covers(self, start_s: Floats, end_s: Floats) -> Bools:
        """Whether everything between two instants is known."""
        first, last = self._edges(start_s, end_s)
        inside: Bools = (first >= 0) & (last < len(self.unknown_before))
        first, last = (np.clip(edge, 0, len(self.series)) for edge in (first, last))
        inside &= self.unknown_before[last] == self.unknown_before[first]
        return inside

    def reaches(self, end_s: Floats) -> Bools:
        """Whether the record goes on until an instant."""
        until: Bools = end_s <= self.series.end_s + SAME * self.series.period_s
        return until

    def _edges(self, start_s: Floats, end_s: Floats) -> tuple[Ints, Ints]:
        series = self.series
        after = np.ceil((end_s - series.start_s) / series.period_s - SAME).astype(np.int64)
        return series.point_at(start_s), after


@dataclass(frozen=True, slots=True)
class Chances:
    """When jobs could have run: columns of equal length, instants in Unix seconds.

    Attributes:
        end_s: by when each has to be over, at least `seconds` after its submission.
        seconds: how long it runs; more than 0.
        interruptible: whether it may pause.
    """

    submitted_s: Floats
    end_s: Floats
    seconds: Floats
    interruptible: Bools

    def of(self, jobs: Bools) -> "Chances":
        """Those of some jobs."""
        return Chances(
            self.submitted_s[jobs], self.end_s[jobs], self.seconds[jobs], self.interruptible[jobs]
        )


def least_means(series: Series, chances: Chances, progress: Progress = _silent) -> Floats:
    """The least mean intensity in g/kWh that each job could have run at.

    Args:
        series: the grid as it was.
        chances: when the jobs could have run.
        progress: told how many jobs were just weighed.
    """
    means = np.empty(len(chances.seconds))
    for paused in (False, True):
        mine = chances.interruptible == paused
        some = chances.of(mine)
        if paused:
            means[mine] = least_paused_means(
                series, some.submitted_s, some.end_s, some.seconds, progress
            )
        else:
            latest_s = some.end_s - some.seconds
            start_s = best_starts(series, some.submitted_s, latest_s, some.seconds, progress)
            means[mine] = series.mean(start_s, some.seconds)
    return means


def best_starts(
    series: Series,
    earliest_s: Floats,
    latest_s: Floats,
    seconds: Floats,
    progress: Progress = _silent,
) -> Floats:
    """When each job would have started so that its one window emits least.

    The mean of a window bends only where the window begins or ends with a point, so the best
    start is one of those, or the earliest or the latest of all. Ties go to the earliest of
    these four kinds.

    Args:
        series: the grid as it was; its last value holds on.
        earliest_s: each job's first possible start (Unix seconds).
        latest_s: its last one, not before the first.
        seconds: how long it runs; more than 0.
        progress: told how many jobs were just weighed.
    """
    begins = _on_edges(series, earliest_s, latest_s, seconds, progress)
    ends = _on_edges(series, earliest_s + seconds, latest_s + seconds, -seconds, progress) - seconds
    starts = np.stack((earliest_s, begins, ends, latest_s))
    starts = np.where(np.isnan(starts), earliest_s, starts)
    chosen: Floats = starts[
        np.argmin(series.mean(starts, seconds), axis=0), np.arange(len(seconds))
    ]
    return chosen


def least_paused_means(
    series: Series,
    submitted_s: Floats,
    end_s: Floats,
    seconds: Floats,
    progress: Progress = _silent,
) -> Floats:
    """The mean intensity of each job in the cheapest points that add up to its duration.

    The first and the last point count as far as they lie between submission and end.

    Args:
        series: the grid as it was.
        submitted_s: from when each job may run (Unix seconds).
        end_s: by when it has to be over, at least `seconds` later.
        seconds: how long it runs; more than 0.
        progress: told how many jobs were just weighed.
    """
    series = series.extended_to(float(end_s.max(initial=series.start_s)))
    first = series.point_at(submitted_s)
    after = np.ceil((end_s - series.start_s) / series.period_s - SAME).astype(np.int64)
    spent = np.empty(len(seconds))
    for jobs, steps in _batches(after - first):
        points = first[jobs, None] + steps
        begin_s = series.start_s + series.period_s * points
        until_s = np.minimum(begin_s + series.period_s, end_s[jobs, None])
        lengths_s = np.maximum(until_s - np.maximum(begin_s, submitted_s[jobs, None]), 0.0)
        values = series.values[np.minimum(points, len(series) - 1)]
        order = np.argsort(values, axis=1, kind="stable")
        lengths_s = np.take_along_axis(lengths_s, order, axis=1)
        before_s = np.cumsum(lengths_s, axis=1) - lengths_s
        used_s = np.clip(seconds[jobs, None] - before_s, 0.0, lengths_s)
        spent[jobs] = (used_s * np.take_along_axis(values, order, axis=1)).sum(axis=1)
        progress(len(jobs))
    means: Floats = spent / seconds
    return means


def _on_edges(
    series: Series, first_s: Floats, last_s: Floats, reach_s: Floats, progress: Progress
) -> Floats:
    """The edge of a point between two instants with the least area from it to `reach_s` away.

    NaN where no edge lies between them. The area counts forwards, or backwards where the reach
    is negative: what the window holds either way.
    """
    period_s = series.period_s
    series = series.extended_to(float((last_s + np.abs(reach_s)).max(initial=0.0)) + period_s)
    sums = series.area(series.start_s + period_s * np.arange(len(series) + 1))
    first = np.ceil((first_s - series.start_s) / period_s - SAME).astype(np.int64)
    last = np.floor((last_s - series.start_s) / period_s + SAME).astype(np.int64)
    whole = np.floor(reach_s / period_s).astype(np.int64)
    share = reach_s / period_s - whole
    chosen = np.full(len(reach_s), np.nan)
    for jobs, steps in _batches(last - first + 1):
        edges = np.minimum(first[jobs, None] + steps, last[jobs, None])
        far = np.clip(edges + whole[jobs, None], 0, len(series) - 1)
        there = sums[far] + share[jobs, None] * (sums[far + 1] - sums[far])
        areas = np.abs(there - sums[edges])
        least = areas.min(axis=1, keepdims=True)
        best = np.argmax(areas <= least * (1 + SAME), axis=1)
        chosen[jobs] = series.start_s + period_s * edges[np.arange(len(jobs)), best]
        progress(len(jobs))
    return chosen


def _batches(widths: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Jobs of about equal width together, with the steps of the widest; none without a step."""
    order = np.argsort(widths, kind="stable")
    order = order[np.searchsorted(widths[order], 1) :]
    while len(order):
        # From the widest down: a batch is as wide as its last job.
        width = int(widths[order[-1]])
        count = max(1, CELLS_AT_ONCE // width)
        yield order[-count:], np.arange(width)
        order = order[:-count]

"""Policies that plan a job once, at its submission, from what is expected then.

Start candidates are the submission and every whole period after it, up to the latest start.
Jobs that are alike in duration, slack and place within a point are planned together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from shared.domain.replay.knowledge import Foreseen, Knowledge
from shared.domain.replay.workload import Workload
from shared.domain.windows import SAME, Floats, Ints, Series

ROWS_AT_ONCE = 2048
WORTH_GROUPING = 8


@dataclass(frozen=True, slots=True)
class Situation:
    """What a policy is given: the grid's clock, the jobs, what is known; not the future.

    Attributes:
        known: the present point and the forecast at any moment; never the series itself.
        progress: told how many decisions were just made.
    """

    start_s: float
    period_s: float
    workload: Workload
    known: Knowledge
    progress: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Where jobs may start: `first_s` and every period after it, `count` of them.

    Attributes:
        window_s: what is weighed: the run's duration, or one point.
    """

    first_s: Floats
    count: Ints
    window_s: Floats


Objective = Callable[[Floats, Floats, Floats], Ints]
"""From means (a row for each job, a column for each candidate), waits and durations to columns."""


def lowest_slot(situation: Situation) -> Floats:
    """Start in the point that is cleanest, whatever comes after it."""
    windows = np.full(len(situation.workload), np.nan)
    return _planned(situation, windows, least)


def lowest_window(situation: Situation) -> Floats:
    """Start where the intensity integrated over the duration is least, ties to the earliest."""
    return _planned(situation, situation.workload.duration_s, least)


def carbon_time(situation: Situation) -> Floats:
    """Start where the saving per hour of completion time is greatest (GAIA, ASPLOS 2024)."""
    return _planned(situation, situation.workload.duration_s, _most_saving_per_time)


def least(means: Floats, waits_s: Floats, duration_s: Floats) -> Ints:
    """The column of the least mean in each row; among equals the earliest."""
    del waits_s, duration_s
    lowest = means.min(axis=1, keepdims=True)
    chosen: Ints = np.argmax(means <= lowest + SAME * np.abs(lowest), axis=1)
    return chosen


def _most_saving_per_time(means: Floats, waits_s: Floats, duration_s: Floats) -> Ints:
    saved = (means[:, :1] - means) * duration_s[:, None]
    chosen: Ints = np.argmax(saved / (waits_s + duration_s[:, None]), axis=1)
    return chosen


def _planned(situation: Situation, windows_s: Floats, objective: Objective) -> Floats:
    load = situation.workload
    room = load.latest_start_s - load.submitted_s
    count = np.floor(room / situation.period_s + SAME).astype(np.int64) + 1
    return best_starts(situation, Candidates(load.submitted_s, count, windows_s), objective)


def best_starts(situation: Situation, among: Candidates, objective: Objective) -> Floats:
    """The start that an objective chooses for each job; jobs without a candidate keep the first."""
    start_s = among.first_s.copy()
    durations_s = situation.workload.duration_s
    for jobs, means in _weighed(situation, among):
        waits_s = situation.period_s * np.arange(means.shape[1])
        start_s[jobs] += waits_s[objective(means, waits_s, durations_s[jobs])]
        situation.progress(len(jobs))
    return start_s


def _weighed(situation: Situation, among: Candidates) -> Iterator[tuple[Ints, Floats]]:
    """Jobs with the means of their candidates, a row for each job."""
    known = situation.known
    if not isinstance(known, Foreseen):  # in order of time: what was just forecast serves again
        for job in np.argsort(among.first_s, kind="stable"):
            if among.count[job] >= 1:
                yield np.array([job]), _weighed_alone(situation, among, int(job))[None, :]
        return
    for jobs in _alike(situation, among):
        count = int(among.count[jobs[0]])
        if count < 1:
            continue
        if len(jobs) >= WORTH_GROUPING:
            yield from _weighed_together(known.series, among, jobs, count)
        else:
            for job in jobs:
                yield np.array([job]), _weighed_alone(situation, among, int(job))[None, :]


def _weighed_together(
    series: Series, among: Candidates, jobs: Ints, count: int
) -> Iterator[tuple[Ints, Floats]]:
    """Alike jobs under one fixed expectation: every window is computed once."""
    first_s = among.first_s[jobs]
    places = np.rint((first_s - first_s.min()) / series.period_s).astype(np.int64)
    starts_s = first_s.min() + series.period_s * np.arange(int(places.max()) + count)
    window_s = float(among.window_s[jobs[0]])
    rows = sliding_window_view(_means(series, starts_s, window_s), count)
    for begin in range(0, len(jobs), ROWS_AT_ONCE):
        part = slice(begin, begin + ROWS_AT_ONCE)
        yield jobs[part], rows[places[part]]


def _weighed_alone(situation: Situation, among: Candidates, job: int) -> Floats:
    """One job under what was known at its submission."""
    period_s, first_s = situation.period_s, float(among.first_s[job])
    submitted_s = float(situation.workload.submitted_s[job])
    point = int(np.floor((submitted_s - situation.start_s) / period_s + SAME))
    count, window_s = int(among.count[job]), float(among.window_s[job])
    reach_s = first_s - submitted_s + period_s * count + (0.0 if np.isnan(window_s) else window_s)
    values = situation.known.at(point, int(np.ceil(reach_s / period_s)) + 1)
    ahead = Series(situation.start_s + period_s * point, period_s, values)
    return _means(ahead, first_s + period_s * np.arange(count), window_s)


def _means(series: Series, starts_s: Floats, window_s: float) -> Floats:
    if not np.isnan(window_s):
        return series.mean(starts_s, window_s)
    points = np.clip(series.point_at(starts_s), 0, len(series) - 1)
    at_start: Floats = series.values[points]
    return at_start


def _alike(situation: Situation, among: Candidates) -> Iterator[Ints]:
    """Jobs in groups of the same window, number of candidates and place within a point."""
    phase_s = np.round(np.mod(among.first_s - situation.start_s, situation.period_s), 6)
    keys = np.stack((np.nan_to_num(among.window_s), among.count.astype(np.float64), phase_s), 1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    yield from np.split(order, ends)

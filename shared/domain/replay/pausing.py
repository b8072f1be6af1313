"""Jobs that may be paused: the cheapest slots that add up to the duration."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from shared.domain.replay.knowledge import Foreseen
from shared.domain.replay.planning import ROWS_AT_ONCE, Situation
from shared.domain.replay.schedule import Schedule
from shared.domain.replay.workload import TOLERANCE_SECONDS, Bools, Workload
from shared.domain.windows import SAME, Floats, Ints, Series, cheapest_slots

Pieces = tuple[Ints, Floats, Floats]


def interruptible(situation: Situation) -> Schedule:
    """Every job in the cheapest slots between its submission and its deadline."""
    load = situation.workload
    pieces = list(_all_pieces(situation))
    jobs, start_s, end_s = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((start_s, jobs))
    schedule = Schedule(jobs[order], start_s[order], end_s[order])
    return _joined(schedule) if len(load) else schedule


def _all_pieces(situation: Situation) -> Iterator[Pieces]:
    whole = _fits_whole_slots(situation)
    if isinstance(situation.known, Foreseen):
        for jobs in _same_shape(situation.workload, np.flatnonzero(whole)):
            yield from _together(situation, situation.known.series, jobs)
        alone = np.flatnonzero(~whole)
    else:
        # in order of time: what was just forecast serves again
        alone = np.argsort(situation.workload.submitted_s, kind="stable")
    for job in alone:
        yield _alone(situation, int(job))
        situation.progress(1)


def _fits_whole_slots(situation: Situation) -> Bools:
    """Jobs that begin with a slot, end with one and last a whole number of them."""
    load, period_s = situation.workload, situation.period_s
    lengths = (
        load.submitted_s - situation.start_s,
        load.duration_s,
        _end_s(load) - load.submitted_s,
    )
    off = [np.abs(length / period_s - np.rint(length / period_s)) for length in lengths]
    whole: Bools = np.maximum.reduce(off) < SAME
    return whole


def _end_s(load: Workload) -> Floats:
    return load.latest_start_s + load.duration_s


def _same_shape(load: Workload, jobs: Ints) -> Iterator[Ints]:
    """Groups of equal duration and slack."""
    if not len(jobs):
        return
    shape = np.stack((load.duration_s[jobs], (load.latest_start_s - load.submitted_s)[jobs]), 1)
    _, group = np.unique(np.round(shape, 6), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    for part in np.split(jobs[order], ends):
        for begin in range(0, len(part), ROWS_AT_ONCE):
            yield part[begin : begin + ROWS_AT_ONCE]


def _together(situation: Situation, series: Series, jobs: Ints) -> Iterator[Pieces]:
    """Whole slots: the cheapest `needed` of each job's window, all jobs in one sweep."""
    load, period_s = situation.workload, situation.period_s
    needed = round(float(load.duration_s[jobs[0]]) / period_s)
    wide = round(float((_end_s(load) - load.submitted_s)[jobs[0]]) / period_s)
    first = np.rint((load.submitted_s[jobs] - situation.start_s) / period_s).astype(np.int64)
    rows = sliding_window_view(series.values, wide)[first]
    slots = np.argsort(rows, axis=1, kind="stable")[:, :needed] + first[:, None]
    slots.sort(axis=1)
    start_s = situation.start_s + period_s * slots.ravel()
    situation.progress(len(jobs))
    yield np.repeat(jobs, needed), start_s, start_s + period_s


def _alone(situation: Situation, job: int) -> Pieces:
    """Any job: the slot of its submission and that of its deadline count in part."""
    load, period_s = situation.workload, situation.period_s
    submitted_s, end_s = float(load.submitted_s[job]), float(_end_s(load)[job])
    point = int(np.floor((submitted_s - situation.start_s) / period_s + SAME))
    point_s = situation.start_s + period_s * point
    count = max(1, int(np.ceil((end_s - point_s) / period_s - SAME)))
    edges_s = point_s + period_s * np.arange(count + 1)
    edges_s[0], edges_s[-1] = submitted_s, end_s
    values = situation.known.at(point, count)
    used_s = cheapest_slots(values, np.diff(edges_s), float(load.duration_s[job]))
    runs = np.flatnonzero(used_s > 0)
    start_s = edges_s[runs]
    return np.full(len(runs), job, dtype=np.int64), start_s, start_s + used_s[runs]


def _joined(schedule: Schedule) -> Schedule:
    """Pieces that follow each other without a pause made one."""
    job, start_s, end_s = schedule.job, schedule.start_s, schedule.end_s
    begins = np.ones(len(job), dtype=np.bool_)
    begins[1:] = (job[1:] != job[:-1]) | (start_s[1:] - end_s[:-1] > TOLERANCE_SECONDS)
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(job)) - 1
    return Schedule(job[firsts], start_s[firsts], end_s[lasts])

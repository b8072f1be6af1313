"""The clairvoyant bound: nothing that runs a job in time can emit less."""

import numpy as np

from shared.domain.replay.pausing import interruptible
from shared.domain.replay.planning import Candidates, Situation, best_starts, least
from shared.domain.replay.schedule import Schedule
from shared.domain.windows import SAME, Floats, Series


def optimal(situation: Situation, truth: Series) -> Schedule:
    """The cheapest slots for jobs that may be paused, the cheapest window for all others.

    Args:
        situation: with the truth as its forecast.
        truth: the recorded grid.
    """
    load = situation.workload
    paused = np.flatnonzero(load.interruptible)
    whole = np.flatnonzero(~load.interruptible)
    if not len(paused):
        return Schedule.whole(load, _best_windows(situation, truth))
    pieces = interruptible(situation)
    mine = load.interruptible[pieces.job]
    pieces = Schedule(pieces.job[mine], pieces.start_s[mine], pieces.end_s[mine])
    if not len(whole):
        return pieces
    start_s = _best_windows(situation, truth)[whole]
    return Schedule.merged(Schedule(whole, start_s, start_s + load.duration_s[whole]), pieces)


def _best_windows(situation: Situation, truth: Series) -> Floats:
    """The best start of all: the emissions bend only where a run begins or ends with a point."""
    load, period_s = situation.workload, situation.period_s
    since_s = load.submitted_s - situation.start_s
    begins_s = situation.start_s + period_s * np.ceil(since_s / period_s - SAME)
    over = (since_s + load.duration_s) / period_s
    ends_s = situation.start_s + period_s * np.ceil(over - SAME) - load.duration_s
    sets = (load.submitted_s, begins_s, ends_s, load.latest_start_s)
    starts = np.stack([_best_among(situation, first_s) for first_s in sets])
    means = truth.mean(starts, load.duration_s)
    chosen: Floats = starts[np.argmin(means, axis=0), np.arange(len(load))]
    return chosen


def _best_among(situation: Situation, first_s: Floats) -> Floats:
    load = situation.workload
    first_s = np.minimum(np.maximum(first_s, load.submitted_s), load.latest_start_s)
    room = (load.latest_start_s - first_s) / situation.period_s
    count = np.floor(room + SAME).astype(np.int64) + 1
    return best_starts(situation, Candidates(first_s, count, load.duration_s), least)

"""The clairvoyant bound: nothing that runs a job in time can emit less."""

import numpy as np

from shared.domain.hindsight import best_starts
from shared.domain.replay.pausing import interruptible
from shared.domain.replay.planning import Situation
from shared.domain.replay.schedule import Schedule
from shared.domain.windows import Floats, Series


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
    load = situation.workload
    return best_starts(
        truth, load.submitted_s, load.latest_start_s, load.duration_s, situation.progress
    )

"""The rule of most tools: wait while the grid's band is dirtier than the job accepts."""

import numpy as np

from shared.domain.bands import Band
from shared.domain.replay.planning import Situation
from shared.domain.windows import SAME, Floats, Ints

USUAL_LIMIT = Band.LOW


def threshold(situation: Situation, ranks: Ints) -> Floats:
    """Start in the first point whose band is accepted, else at the last point in time.

    Jobs that ask for no band get the product's default, `low`.

    Args:
        situation: the jobs; the forecast is not looked at.
        ranks: of the band at every point, as it was known then.
    """
    load, period_s = situation.workload, situation.period_s
    limit = np.array([(band or USUAL_LIMIT).rank for band in load.max_band])
    start_s = load.submitted_s.copy()
    first = np.floor((load.submitted_s - situation.start_s) / period_s + SAME).astype(np.int64)
    for rank in np.unique(limit):
        jobs = np.flatnonzero(limit == rank)
        points = _next_at_most(ranks, int(rank))[first[jobs]]
        clean_s = situation.start_s + period_s * points
        latest_s = load.latest_start_s[jobs]
        last_s = situation.start_s + period_s * np.floor(
            (latest_s - situation.start_s) / period_s + SAME
        )
        start_s[jobs] = np.maximum(load.submitted_s[jobs], np.minimum(clean_s, last_s))
    situation.progress(len(load))
    return start_s


def _next_at_most(ranks: Ints, limit: int) -> Ints:
    """For every point the next one, itself included, with a band of that rank or cleaner."""
    never = len(ranks) + 10**9
    points = np.where(ranks <= limit, np.arange(len(ranks)), never)
    following: Ints = np.minimum.accumulate(points[::-1])[::-1]
    return following

"""The product's own policy: decided afresh at every point, with the newest forecast.

The rules are those of `shared.domain.decisions.decide`, taken for all waiting jobs at once; a test
holds the two together, job by job. A wait only ever lasts to the next point, where everything is
decided again, so all that is asked here is whether a later window is worth waiting for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shared.domain.decisions import Rules
from shared.domain.jobs import Priority
from shared.domain.replay.planning import Situation
from shared.domain.replay.schedule import Schedule
from shared.domain.replay.workload import TOLERANCE_SECONDS, Bools
from shared.domain.windows import SAME, Floats, Ints, Series, slot_is_among_cheapest

USUAL = Rules()

CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """The jobs' columns as the rules need them.

    Attributes:
        limit: rank of the dirtiest band that the job runs in; -1 where it asks for none and
            waits for the cleanest window.
        shape: jobs of equal duration have the same number.
        shapes_s: the durations by that number.
    """

    limit: Ints
    patient: Bools
    critical: Bools
    shape: Ints
    shapes_s: Floats

    @classmethod
    def of(cls, situation: Situation) -> "Wishes":
        """Read them off the workload."""
        load = situation.workload
        shapes_s, shape = np.unique(load.duration_s, return_inverse=True)
        pairs = zip(load.max_band, load.priority, strict=True)
        limit = [_limit(band.rank if band else -1, priority) for band, priority in pairs]
        return cls(
            limit=np.array(limit, dtype=np.int64),
            patient=np.array([p is Priority.LOW for p in load.priority], dtype=np.bool_),
            critical=np.array([p is Priority.CRITICAL for p in load.priority], dtype=np.bool_),
            shape=shape.ravel(),
            shapes_s=shapes_s,
        )


def _limit(rank: int, priority: Priority) -> int:
    return min(rank + 1, 4) if priority is Priority.HIGH and rank >= 0 else rank


@dataclass(frozen=True, slots=True)
class Moment:
    """All jobs that are open at one point, and the moment of decision of each.

    Attributes:
        now_s: when the point began, or the submission inside it.
        waited: whether the job was already sent to wait at an earlier point.
    """

    point: int
    jobs: Ints
    now_s: Floats
    waited: Bools


class OpenJobs:
    """Walks through the points at which something has to be decided."""

    def __init__(self, situation: Situation, jobs: Ints) -> None:
        """Take the jobs to be walked through; none is open yet."""
        submitted_s = situation.workload.submitted_s
        self._coming = jobs[np.argsort(submitted_s[jobs], kind="stable")]
        self._submitted_s = submitted_s
        self._start_s, self._period_s = situation.start_s, situation.period_s
        self._open: Ints = np.empty(0, dtype=np.int64)

    def moments(self) -> Iterator[Moment]:
        """Every point with open jobs; `keep` says after each which of them stay open."""
        places = (self._submitted_s[self._coming] - self._start_s) / self._period_s
        arrivals = np.floor(places + SAME).astype(np.int64)
        point = taken = 0
        while len(self._open) or taken < len(arrivals):
            if not len(self._open):
                point = max(point, int(arrivals[taken]))
            upto = int(np.searchsorted(arrivals, point, side="right"))
            jobs = np.concatenate((self._open, self._coming[taken:upto]))
            begins_s = self._start_s + self._period_s * point
            waited = np.arange(len(jobs)) < len(self._open)
            yield Moment(point, jobs, np.maximum(self._submitted_s[jobs], begins_s), waited)
            point, taken = point + 1, upto

    def keep(self, jobs: Ints) -> None:
        """These are still open at the next point."""
        self._open = jobs


def adaptive(situation: Situation, ranks: Ints, rules: Rules = USUAL) -> Schedule:
    """Start each job at the first point where no later window is worth the wait.

    Args:
        situation: the jobs and what is known.
        ranks: of the grid's band at every point.
        rules: the margins, one to begin to wait and a smaller one to go on waiting.
    """
    load = situation.workload
    wishes = Wishes.of(situation)
    start_s = load.submitted_s.copy()
    walk = OpenJobs(situation, np.flatnonzero(~load.interruptible))
    for moment in walk.moments():
        going = _going(situation, wishes, rules, moment, int(ranks[moment.point]))
        start_s[moment.jobs[going]] = moment.now_s[going]
        walk.keep(moment.jobs[~going])
        situation.progress(len(moment.jobs))
    whole = np.flatnonzero(~load.interruptible)
    pieces = Schedule(whole, start_s[whole], start_s[whole] + load.duration_s[whole])
    if len(whole) == len(load):
        return pieces
    return Schedule.merged(pieces, adaptive_with_pauses(situation, wishes, ranks, rules))


def _going(situation: Situation, wishes: Wishes, rules: Rules, moment: Moment, rank: int) -> Bools:
    """Which jobs run now: the order of the rules is that of `decide`."""
    load, period_s, jobs = situation.workload, situation.period_s, moment.jobs
    begins_s = situation.start_s + period_s * moment.point
    room = (load.latest_start_s[jobs] - begins_s) / period_s
    due = room < 1 - SAME
    going: Bools = due | wishes.critical[jobs]
    weighing = np.flatnonzero(~going)
    if not len(weighing):
        return going
    asked = jobs[weighing]
    last = np.floor(room[weighing] + SAME).astype(np.int64)
    now, later = _expected(situation, wishes, moment, weighing, last)
    gain = now - later
    worthwhile = gain >= _least_gain(rules, now, moment.waited[weighing])
    worthwhile &= gain > SAME * np.abs(now)  # equal windows: the earlier
    patient = wishes.patient[asked] & (gain >= rules.patient_share * now)
    accepted = rank <= wishes.limit[asked]
    going[weighing] = ~worthwhile | (accepted & ~patient)
    return going


def _least_gain(rules: Rules, now: Floats, waited: Bools) -> Floats:
    """How much cleaner than `now` a later window has to be, in g/kWh, for each job."""
    share = np.where(waited, rules.still_worthwhile_share, rules.worthwhile_share)
    least = np.where(waited, rules.still_worthwhile_g_per_kwh, rules.worthwhile_g_per_kwh)
    enough: Floats = np.maximum(least, share * np.abs(now))
    return enough


def _expected(
    situation: Situation, wishes: Wishes, moment: Moment, weighing: Ints, last: Ints
) -> tuple[Floats, Floats]:
    """For each job the mean of its window now, and of the best that starts at a later point.

    Args:
        situation: the jobs and what is known.
        wishes: for the durations.
        moment: the present.
        weighing: positions in the moment's jobs.
        last: the last point ahead at which each of them may start, 1 or more.
    """
    period_s, jobs = situation.period_s, moment.jobs[weighing]
    durations_s = situation.workload.duration_s[jobs]
    reach = int(np.ceil(np.max(last + durations_s / period_s) - SAME)) + 1
    begins_s = situation.start_s + period_s * moment.point
    ahead = Series(begins_s, period_s, situation.known.at(moment.point, reach))
    now = ahead.mean(moment.now_s[weighing], durations_s)
    shapes, row = np.unique(wishes.shape[jobs], return_inverse=True)
    later = np.empty(len(jobs))
    starts_s = begins_s + period_s * np.arange(1, int(last.max()) + 1)
    at_once = max(1, CELLS_AT_ONCE // len(starts_s))
    for begin in range(0, len(shapes), at_once):
        seconds = wishes.shapes_s[shapes[begin : begin + at_once]][:, None]
        best = np.minimum.accumulate(ahead.mean(starts_s[None, :], seconds), axis=1)
        here = (row >= begin) & (row < begin + at_once)
        later[here] = best[row[here] - begin, last[here] - 1]
    return now, later


def adaptive_with_pauses(
    situation: Situation, wishes: Wishes, ranks: Ints, rules: Rules
) -> Schedule:
    """Run an interruptible job in each slot that is among the cheapest it still needs."""
    load, period_s = situation.workload, situation.period_s
    left_s = load.duration_s.copy()
    end_s = load.latest_start_s + load.duration_s
    pieces: list[tuple[int, float, float]] = []
    walk = OpenJobs(situation, np.flatnonzero(load.interruptible))
    for moment in walk.moments():
        next_s = situation.start_s + period_s * (moment.point + 1)
        reach = max(1, int(np.max((end_s[moment.jobs] - next_s) / period_s + SAME)) + 1)
        expected = situation.known.at(moment.point, reach)
        prices = expected[0] - _least_gain(rules, expected[:1], moment.waited)
        columns = (moment.jobs.tolist(), moment.now_s.tolist(), prices.tolist())
        for job, now_s, price in zip(*columns, strict=True):
            slots = max(0, int((end_s[job] - next_s) / period_s + SAME))
            due = end_s[job] - next_s < left_s[job] - TOLERANCE_SECONDS
            cheap = slot_is_among_cheapest(expected[1 : slots + 1], price, period_s, left_s[job])
            accepted = ranks[moment.point] <= wishes.limit[job] and not wishes.patient[job]
            if due or cheap or accepted or wishes.critical[job]:
                seconds = min(left_s[job], next_s - now_s)
                pieces.append((job, now_s, now_s + seconds))
                left_s[job] -= seconds
        situation.progress(len(moment.jobs))
        walk.keep(moment.jobs[left_s[moment.jobs] > TOLERANCE_SECONDS])
    jobs, starts_s, ends_s = (np.array(column) for column in zip(*pieces, strict=True))
    return Schedule(jobs.astype(np.int64), starts_s, ends_s)

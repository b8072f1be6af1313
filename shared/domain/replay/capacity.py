"""A pool that runs only so many jobs at once: who waits for a place, and a plan that fits it."""

import heapq
from dataclasses import dataclass

import numpy as np

from shared.domain.replay.adaptive import OpenJobs
from shared.domain.replay.planning import Situation
from shared.domain.replay.schedule import Schedule
from shared.domain.replay.workload import Bools
from shared.domain.windows import SAME, Floats, Ints, Series


def queued(schedule: Schedule, places: int) -> Schedule:
    """What becomes of a plan in a pool: first released, first run, when a place is free.

    Stretches of a paused job queue one after the other.
    """
    pool = Pool(places)
    start_s, end_s = schedule.start_s.copy(), schedule.end_s.copy()
    over_s: dict[int, float] = {}
    for piece in np.lexsort((schedule.job, schedule.start_s)).tolist():
        job = int(schedule.job[piece])
        ready_s = max(float(schedule.start_s[piece]), over_s.get(job, -np.inf))
        seconds = float(schedule.end_s[piece] - schedule.start_s[piece])
        start_s[piece] = pool.start(ready_s, seconds)
        over_s[job] = end_s[piece] = start_s[piece] + seconds
    return Schedule(schedule.job, start_s, end_s)


class Pool:
    """Places that are free again when their job ends."""

    def __init__(self, places: int) -> None:
        """Start with every place free."""
        self._free_s = [-np.inf] * places

    def start(self, ready_s: float, seconds: float) -> float:
        """When a job starts that is ready at an instant; it then holds a place."""
        at_s = max(ready_s, self._free_s[0])
        heapq.heapreplace(self._free_s, at_s + seconds)
        return at_s

    def busy_seconds(self, begins_s: float, period_s: float, count: int) -> Floats:
        """How much of each coming slot is taken by the jobs that already run."""
        free_s = np.array(self._free_s)
        edges_s = begins_s + period_s * np.arange(count)
        taken = np.clip(free_s[:, None] - edges_s[None, :], 0.0, period_s)
        total: Floats = taken[free_s > begins_s].sum(axis=0)
        return total


@dataclass(slots=True)
class Room:
    """Free job-seconds of the coming slots; slot 0 is the present one."""

    period_s: float
    free_s: Floats

    def fits(self, start: int, seconds: float) -> int:
        """How many jobs of some length can still start with a slot."""
        whole = int(seconds / self.period_s + SAME)
        rest = seconds - whole * self.period_s
        most = np.inf
        if whole:
            most = float(self.free_s[start : start + whole].min()) / self.period_s
        if rest > SAME:
            most = min(most, float(self.free_s[start + whole]) / rest)
        return int(most + SAME)

    def take(self, start: int, seconds: float, jobs: int) -> None:
        """Plan some jobs to start with a slot."""
        whole = int(seconds / self.period_s + SAME)
        self.free_s[start : start + whole] -= jobs * self.period_s
        rest = seconds - whole * self.period_s
        if rest > SAME:
            self.free_s[start + whole] -= jobs * rest


def adaptive_in_pool(situation: Situation, places: int) -> Schedule:
    """Plan all open jobs anew at every point, into the cheapest starts that have room.

    Jobs with the earliest latest start choose first. They can do so without harm: all open jobs
    may start now, so that whatever a tighter job may choose a looser one may choose as well, and
    for jobs of one slot the plan is the cheapest there is and meets every deadline that can be
    met (exchange argument; a transversal matroid of nested intervals).
    """
    load, pool = situation.workload, Pool(places)
    start_s = load.submitted_s.copy()
    walk = OpenJobs(situation, np.arange(len(load)))
    for moment in walk.moments():
        urgent = np.argsort(load.latest_start_s[moment.jobs], kind="stable")
        jobs, now_s = moment.jobs[urgent], moment.now_s[urgent]
        going = _going(situation, moment.point, jobs, places, pool)
        for job, ready_s in zip(jobs[going].tolist(), now_s[going].tolist(), strict=True):
            start_s[job] = pool.start(ready_s, float(load.duration_s[job]))
        walk.keep(jobs[~going])
        situation.progress(len(jobs))
    return Schedule.whole(load, start_s)


def _going(situation: Situation, point: int, jobs: Ints, places: int, pool: Pool) -> Bools:
    """Which of the jobs, tightest first, the plan starts in the present slot."""
    load, period_s = situation.workload, situation.period_s
    begins_s = situation.start_s + period_s * point
    seconds = load.duration_s[jobs]
    last = np.floor((load.latest_start_s[jobs] - begins_s) / period_s + SAME).astype(np.int64)
    last = np.maximum(last, 0)
    reach = int(np.ceil(np.max(last + seconds / period_s))) + 2
    room = Room(period_s, places * period_s - pool.busy_seconds(begins_s, period_s, reach))
    ahead = Series(begins_s, period_s, situation.known.at(point, reach))
    going = np.zeros(len(jobs), dtype=np.bool_)
    shape = np.stack((last.astype(np.float64), seconds), axis=1)
    begins = np.flatnonzero(np.append(True, np.any(shape[1:] != shape[:-1], axis=1)))
    for group in np.split(np.arange(len(jobs)), begins[1:]):
        first = int(_placed_now(ahead, room, int(last[group[0]]), seconds[group]))
        going[group[:first]] = True
    return going


def _placed_now(ahead: Series, room: Room, last: int, seconds: Floats) -> int:
    """Plan alike jobs; how many of them start in the present slot."""
    each_s, left, now = float(seconds[0]), len(seconds), 0
    starts_s = ahead.start_s + ahead.period_s * np.arange(last + 1)
    for start in np.argsort(ahead.mean(starts_s, each_s), kind="stable").tolist():
        jobs = min(left, room.fits(start, each_s))
        if jobs <= 0:
            continue
        room.take(start, each_s, jobs)
        now, left = now + (jobs if start == 0 else 0), left - jobs
        if not left:
            return now
    return now + left  # nowhere is room: they queue for the first place that becomes free

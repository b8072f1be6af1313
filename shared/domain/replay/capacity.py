"""A pool that runs only so many jobs at once: who waits for a place, and a plan that fits it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shared.domain.decisions import Rules
from shared.domain.replay.adaptive import Moment, OpenJobs, Wishes
from shared.domain.replay.planning import Situation
from shared.domain.replay.room import Alike, Plan, Room, Wish, grouped
from shared.domain.replay.schedule import Schedule
from shared.domain.replay.workload import TOLERANCE_SECONDS, Bools
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

    @property
    def free_s(self) -> float:
        """When the next place is free."""
        return self._free_s[0]

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


@dataclass(frozen=True, slots=True)
class Released:
    """A job at the doors of the pool.

    Attributes:
        turn: 0 for a critical job, 1 for the others.
        point: at which it was released.
        latest_s: its latest start.
        only_now: it runs for what is left of the present slot, or not at all.
    """

    turn: int
    point: int
    latest_s: float
    job: int
    ready_s: float
    seconds: float
    only_now: bool


class Doors:
    """Released jobs that wait for a place: critical ones first, then first released, first run.

    Attributes:
        work_s: the job-seconds of those that wait from one slot to the next.
    """

    def __init__(self, pool: Pool) -> None:
        """Nobody waits yet."""
        self.work_s = 0.0
        self._pool = pool
        self._waiting: list[tuple[tuple[int, int, float, int], Released]] = []

    def run_until(
        self, until_s: float, released: Sequence[Released] = ()
    ) -> Iterator[tuple[int, float, float]]:
        """Give out the places that become free before an instant: job, start and end."""
        coming = sorted(released, key=lambda job: job.ready_s, reverse=True)
        while self._waiting or coming:
            at_s = self._pool.free_s
            if not self._waiting:
                at_s = max(at_s, coming[-1].ready_s)
            if at_s >= until_s - TOLERANCE_SECONDS:
                break
            while coming and coming[-1].ready_s <= at_s:
                self._add(coming.pop())
            job = self._next()
            start_s = max(at_s, job.ready_s)
            seconds = min(job.seconds, until_s - start_s) if job.only_now else job.seconds
            self._pool.start(start_s, seconds)
            yield job.job, start_s, start_s + seconds
        for job in coming:
            self._add(job)
        if any(job.only_now for job in released):
            self._waiting = [entry for entry in self._waiting if not entry[1].only_now]
            heapq.heapify(self._waiting)
            self.work_s = sum(job.seconds for _, job in self._waiting)

    def _add(self, job: Released) -> None:
        heapq.heappush(self._waiting, ((job.turn, job.point, job.latest_s, job.job), job))
        self.work_s += job.seconds

    def _next(self) -> Released:
        _, job = heapq.heappop(self._waiting)
        self.work_s = self.work_s - job.seconds if self._waiting else 0.0
        return job


class _InPool:
    """The jobs of one replay on their way through the pool.

    All open jobs are planned anew at every point. Those with the earliest latest start choose
    first, after the critical ones. They can do so without harm: all open jobs may start now, so
    that whatever a tighter job may choose a looser one may choose as well, and jobs of one slot
    meet every deadline that can be met (exchange argument; a transversal matroid of nested
    intervals).
    """

    def __init__(self, situation: Situation, ranks: Ints, rules: Rules, places: int) -> None:
        self.situation, self.ranks, self.rules, self.places = situation, ranks, rules, places
        load = situation.workload
        self.wishes = Wishes.of(situation)
        self.left_s = load.duration_s.copy()
        self.end_s = load.latest_start_s + load.duration_s
        self.pool = Pool(places)
        self.doors = Doors(self.pool)
        self.pieces: list[tuple[int, float, float]] = []

    def schedule(self) -> Schedule:
        situation = self.situation
        walk = OpenJobs(situation, np.arange(len(situation.workload)))
        for moment in walk.moments():
            next_s = situation.start_s + situation.period_s * (moment.point + 1)
            self._run(self.doors.run_until(next_s - situation.period_s))
            released = self._released(moment)
            self._run(self.doors.run_until(next_s, released))
            whole = np.array([job.job for job in released if not job.only_now], dtype=np.int64)
            stays = ~np.isin(moment.jobs, whole) & (self.left_s[moment.jobs] > TOLERANCE_SECONDS)
            walk.keep(moment.jobs[stays])
            situation.progress(len(moment.jobs))
        self._run(self.doors.run_until(np.inf))
        jobs, starts_s, ends_s = np.array(self.pieces).reshape(-1, 3).T
        return Schedule(jobs.astype(np.int64), starts_s, ends_s)

    def _run(self, pieces: Iterator[tuple[int, float, float]]) -> None:
        for job, start_s, end_s in pieces:
            self.left_s[job] -= end_s - start_s
            self.pieces.append((job, start_s, end_s))

    def _released(self, moment: Moment) -> list[Released]:
        """The jobs that the plan runs in the present slot."""
        jobs, critical = moment.jobs, self.wishes.critical[moment.jobs]
        begins_s = self.situation.start_s + self.situation.period_s * moment.point
        pausable = self.situation.workload.interruptible[jobs]
        latest_s = self.end_s[jobs] - self.left_s[jobs]
        last = np.floor((latest_s - begins_s) / self.situation.period_s + SAME)
        wish = self._wish(moment, last < 1)
        last = np.where(critical, -1.0, np.maximum(last, 0.0))
        whole = ~pausable | (wish == Wish.AT_ONCE)
        going = self._going(moment, last, wish, pausable)
        return [
            Released(
                turn=int(not critical[place]),
                point=moment.point,
                latest_s=float(latest_s[place]),
                job=int(jobs[place]),
                ready_s=float(moment.now_s[place]),
                seconds=float(self.left_s[jobs[place]]),
                only_now=not whole[place],
            )
            for place in going.tolist()
        ]

    def _wish(self, moment: Moment, due: Bools) -> Ints:
        wishes, jobs = self.wishes, moment.jobs
        accepted = int(self.ranks[moment.point]) <= wishes.limit[jobs]
        accepts = np.where(wishes.patient[jobs], Wish.PATIENT, Wish.ACCEPTS)
        wish = np.where(accepted, accepts, Wish.WEIGHS)
        return np.where(due | wishes.critical[jobs], Wish.AT_ONCE, wish)

    def _going(self, moment: Moment, last: Floats, wish: Ints, pausable: Bools) -> Ints:
        """Places in the moment of the jobs that run now, by the plan."""
        period_s, jobs = self.situation.period_s, moment.jobs
        begins_s = self.situation.start_s + period_s * moment.point
        left_s, phase_s = self.left_s[jobs], moment.now_s - begins_s
        slots = np.maximum(np.floor((self.end_s[jobs] - begins_s) / period_s + SAME) - 1, 0)
        reach = int(np.max(last + left_s / period_s)) + 3
        plan = self._plan(moment.point, int(np.max(last)), reach)
        columns = [last, left_s, slots * pausable, 8 * wish + 4 * pausable + moment.waited, phase_s]
        order, begins = grouped(columns)
        firsts = [column[order[begins]].tolist() for column in (*columns, slots)]
        ends = [*begins[1:], len(order)]
        going: list[Ints] = []
        for begin, end, last_point, seconds, _, kind, phase, whole_slots in zip(
            begins, ends, *firsts, strict=True
        ):
            alike = Alike(
                count=end - begin,
                last=int(last_point),
                slots=int(whole_slots),
                seconds=seconds,
                phase_s=phase,
                wish=Wish(kind // 8),
                waited=bool(kind % 4),
                pausable=bool(kind // 4 % 2),
            )
            going.append(order[begin : begin + plan.going_now(alike)])
        return np.concatenate(going)

    def _plan(self, point: int, last: int, reach: int) -> Plan:
        """The room of the coming slots: what runs, and what waits at the doors, takes of it."""
        period_s = self.situation.period_s
        begins_s = self.situation.start_s + period_s * point
        free_s = self.places * period_s - self.pool.busy_seconds(begins_s, period_s, reach)
        if (work_s := self.doors.work_s) > 0:
            before_s = np.cumsum(free_s) - free_s
            free_s -= np.clip(work_s - before_s, 0.0, free_s)
        ahead = Series(begins_s, period_s, self.situation.known.at(point, reach))
        return Plan(ahead, max(last, 0), Room(period_s, free_s), self.rules)


def adaptive_in_pool(situation: Situation, ranks: Ints, rules: Rules, places: int) -> Schedule:
    """The rules of `adaptive` where only so many jobs run at once.

    Args:
        situation: the jobs and what is known.
        ranks: of the grid's band at every point.
        rules: the margins.
        places: how many jobs run at once.
    """
    return _InPool(situation, ranks, rules, places).schedule()

"""Slots of the wheel, how much work is planned into each, and how much room is left there."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shared.domain.bands import Band, capacity
from shared.domain.grid import Curve, Grid
from shared.domain.jobs import Priority
from shared.domain.windows import SAME, Floats

Bools = npt.NDArray[np.bool_]
_RANKS = {priority: rank for rank, priority in enumerate(Priority)}
TOLERANCE_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Wheel:
    """A fixed ring of places; slot n waits in place n mod `places`.

    Attributes:
        slot_seconds: the length of a slot.
        places: how many delayed queues there are.
    """

    slot_seconds: float
    places: int

    def slot_at(self, at_s: float) -> int:
        """The number of the slot that contains an instant (Unix seconds)."""
        return math.floor(at_s / self.slot_seconds)

    def start_s(self, slot: int) -> float:
        """When a slot starts (Unix seconds)."""
        return slot * self.slot_seconds

    def place(self, slot: int) -> int:
        """Where on the wheel a slot waits."""
        return slot % self.places

    def last_slot(self, now_s: float) -> int:
        """The farthest slot that does not share its place with the current one."""
        return self.slot_at(now_s) + self.places - 1


@dataclass(frozen=True, slots=True)
class Pools:
    """A region's worker pools together.

    Attributes:
        bases: the base consumer count of each pool.
        consumers: how many jobs they run at once now, whatever decided that.
        backlog_seconds: job-seconds that they were given and have not finished.
        backlog_jobs: how many jobs those are, each on one consumer; None: as many as need be.
    """

    bases: tuple[int, ...]
    consumers: int
    backlog_seconds: float = 0.0
    backlog_jobs: int | None = None

    def capacity(self, band: Band) -> int:
        """How many jobs they run at once in a band."""
        return sum(capacity(base, band) for base in self.bases)


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot of one region, as the timetable shows it.

    Attributes:
        expected_g_per_kwh: the forecast's mean over the slot; None where it is silent.
        jobs: how many are planned to start in it.
        load_seconds: job-seconds planned into it, those of jobs that began before included.
        room_seconds: job-seconds left; None while no pool is known.
    """

    slot: int
    band: Band
    expected_g_per_kwh: float | None
    jobs: int
    load_seconds: float
    room_seconds: float | None


@dataclass(frozen=True, slots=True)
class _Net:
    """Capacity less backlog in job-seconds, and what it was worked out from."""

    slot: int
    curve: Curve | None
    band: Band
    pools: Pools
    seconds: Floats


@dataclass(slots=True)
class _Region:
    """A region's load: rings over twice the wheel, for jobs that run on past its end.

    Attributes:
        busy_seconds: row r holds what jobs of priority rank r and above take of each slot.
        jobs: how many start in each slot.
    """

    busy_seconds: Floats
    jobs: npt.NDArray[np.int64]
    pools: Pools | None = None
    net: _Net | None = None

    def copy(self) -> "_Region":
        return _Region(self.busy_seconds.copy(), self.jobs.copy(), self.pools, self.net)


class Timetable:
    """How much work is planned into which slot, and whether more fits.

    A slot has room for capacity(its expected band) x slot length, in job-seconds. What waits
    in the ready queues takes the nearest slots' room first. A job sees the load of jobs of its
    own priority and above only: it displaces lesser ones, which are decided afresh.
    """

    def __init__(self, wheel: Wheel, _regions: dict[str, _Region] | None = None) -> None:
        """Start empty; a region has room everywhere while no pool of it is known to live."""
        self.wheel = wheel
        self._ring = 2 * wheel.places
        self._regions = _regions or {}

    def copy(self) -> "Timetable":
        """A timetable to try things out on."""
        return Timetable(self.wheel, {name: each.copy() for name, each in self._regions.items()})

    def set_pools(self, region: str, pools: Pools) -> None:
        """Take what is known of a region's pools; none at all is `Pools((), 0)`."""
        self._of(region).pools = pools

    def pools(self, region: str) -> Pools | None:
        """What is known of a region's pools."""
        return self._of(region).pools

    def hold(self, region: str, job_seconds: float) -> None:
        """Note a job that was sent to a ready queue."""
        state = self._of(region)
        if (pools := state.pools) is not None:
            seconds = pools.backlog_seconds + job_seconds
            jobs = None if pools.backlog_jobs is None else pools.backlog_jobs + 1
            state.pools = replace(pools, backlog_seconds=seconds, backlog_jobs=jobs)

    def add(
        self, region: str, slot: int, job_seconds: float, priority: Priority = Priority.NORMAL
    ) -> None:
        """Plan a job into a slot; it keeps a consumer busy in the slots that it runs through."""
        self._change(region, slot, job_seconds, priority, 1)

    def remove(
        self, region: str, slot: int, job_seconds: float, priority: Priority = Priority.NORMAL
    ) -> None:
        """Take a job out of a slot again."""
        self._change(region, slot, job_seconds, priority, -1)

    def has_room_now(self, grid: Grid, now_slot: int, priority: Priority) -> bool:
        """Whether a job that is sent to the pools now would start within a slot's length."""
        state = self._of(grid.region)
        if state.pools is None or not state.pools.bases:
            return True
        free = self._net(state, grid, now_slot)[0]
        return bool(free - self._busy(state, now_slot, now_slot + 1, priority)[0] > 0)

    def has_room(
        self, grid: Grid, now_slot: int, slot: int, job_seconds: float, priority: Priority
    ) -> bool:
        """Whether a job can start in a later slot and run through those that it needs."""
        slot_s = self.wheel.slot_seconds
        whole = int(job_seconds / slot_s + SAME)
        rest = job_seconds - whole * slot_s
        free = self._free(grid, now_slot, slot, whole + (rest > TOLERANCE_SECONDS), priority)
        if free is None or not len(free):
            return True
        if len(free) > whole and free[whole] < rest - TOLERANCE_SECONDS:
            return False
        return not whole or bool(free[:whole].min() >= slot_s - TOLERANCE_SECONDS)

    def rooms(
        self, grid: Grid, now_slot: int, count: int, job_seconds: float, priority: Priority
    ) -> Bools | None:
        """The same for each of the `count` slots after the present one; None: room everywhere."""
        slot_s = self.wheel.slot_seconds
        whole = int(job_seconds / slot_s + SAME)
        rest = job_seconds - whole * slot_s
        free = self._free(grid, now_slot, now_slot + 1, count + whole + 1, priority)
        if free is None:
            return None
        if len(free) < count + whole + 1:
            free = np.append(free, np.full(count + whole + 1 - len(free), np.inf))
        if job_seconds <= slot_s:
            return free[:count] >= job_seconds - TOLERANCE_SECONDS
        full = np.append(0, np.cumsum(free < slot_s - TOLERANCE_SECONDS))
        fits: Bools = full[whole : whole + count] == full[:count]
        if rest > TOLERANCE_SECONDS:
            fits &= free[whole : whole + count] >= rest - TOLERANCE_SECONDS
        return fits

    def views(self, grid: Grid, now_slot: int) -> Iterator[SlotView]:
        """The present slot and all later ones of a region."""
        state, slot_s = self._of(grid.region), self.wheel.slot_seconds
        slots = np.arange(now_slot, now_slot + self.wheel.places)
        busy = self._busy(state, now_slot, now_slot + self.wheel.places, Priority.LOW).tolist()
        net = None if state.pools is None else self._net(state, grid, now_slot).tolist()
        for ahead, slot in enumerate(slots.tolist()):
            start_s = self.wheel.start_s(slot)
            yield SlotView(
                slot=slot,
                band=grid.band_at(start_s),
                expected_g_per_kwh=grid.curve.mean(start_s, slot_s) if grid.curve else None,
                jobs=int(state.jobs[slot % self._ring]),
                load_seconds=busy[ahead],
                room_seconds=None if net is None else max(0.0, net[ahead] - busy[ahead]),
            )

    def _of(self, region: str) -> _Region:
        if region not in self._regions:
            shape = (len(Priority), self._ring)
            self._regions[region] = _Region(np.zeros(shape), np.zeros(self._ring, dtype=np.int64))
        return self._regions[region]

    def _change(
        self, region: str, slot: int, job_seconds: float, priority: Priority, sign: int
    ) -> None:
        state, slot_s = self._of(region), self.wheel.slot_seconds
        state.jobs[slot % self._ring] += sign
        rows = slice(0, _RANKS[priority] + 1)
        whole = min(int(job_seconds / slot_s + SAME), self.wheel.places)
        if whole:
            busy = np.arange(slot, slot + whole) % self._ring
            state.busy_seconds[rows, busy] += sign * slot_s
        rest = job_seconds - whole * slot_s
        if rest > TOLERANCE_SECONDS and whole < self.wheel.places:
            state.busy_seconds[rows, (slot + whole) % self._ring] += sign * rest

    def _free(
        self, grid: Grid, now_slot: int, first: int, count: int, priority: Priority
    ) -> Floats | None:
        """Free job-seconds of some slots; shorter where the rings end, None: no limit is known."""
        state = self._of(grid.region)
        if state.pools is None or not state.pools.bases:
            return None
        last = max(first, min(first + count, now_slot + self._ring))
        net = self._net(state, grid, now_slot)[first - now_slot : last - now_slot]
        free: Floats = net - self._busy(state, first, last, priority)
        return free

    def _busy(self, state: _Region, first: int, last: int, priority: Priority) -> Floats:
        """What jobs of a priority and above take of the slots from first up to last."""
        row: Floats = state.busy_seconds[_RANKS[priority]]
        begin = first % self._ring
        end = begin + last - first
        if end <= self._ring:
            return row[begin:end]
        return np.concatenate((row[begin:], row[: end - self._ring]))

    def _net(self, state: _Region, grid: Grid, now_slot: int) -> Floats:
        """Capacity less backlog of each slot from the present one on, in job-seconds."""
        pools = state.pools or Pools((), 0)
        net = state.net
        known = net is not None and net.slot == now_slot and net.curve is grid.curve
        if net is None or not known or net.band is not grid.band or net.pools is not pools:
            seconds = self._worked_out(pools, grid, now_slot)
            net = state.net = _Net(now_slot, grid.curve, grid.band, pools, seconds)
        return net.seconds

    def _worked_out(self, pools: Pools, grid: Grid, now_slot: int) -> Floats:
        by_band = np.array([pools.capacity(band) for band in Band], dtype=np.float64)
        consumers = by_band[
            grid.band_ranks_at(self.wheel.slot_seconds * (now_slot + np.arange(self._ring)))
        ]
        consumers[0] = pools.consumers
        seconds = consumers * self.wheel.slot_seconds
        # A few long jobs leave the other consumers free, however much work there is in them.
        jobs = np.inf if pools.backlog_jobs is None else pools.backlog_jobs
        taken = np.minimum(seconds, jobs * self.wheel.slot_seconds)
        before = np.cumsum(taken) - taken
        net: Floats = seconds - np.clip(pools.backlog_seconds - before, 0.0, taken)
        return net

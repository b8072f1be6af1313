"""Slots of the wheel, and how much work is planned into each."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.bands import Band, capacity


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


@dataclass(slots=True)
class Load:
    """What is planned into one slot of one region."""

    jobs: int = 0
    job_seconds: float = 0.0


class Timetable:
    """How much work is planned into which slot, and how much room is left there."""

    def __init__(self, wheel: Wheel) -> None:
        """Start empty; nothing is known of the pools until `set_base` is called."""
        self.wheel = wheel
        self._base: dict[str, int] = {}
        self._starts: dict[int, dict[str, Load]] = defaultdict(dict)
        self._busy_seconds: dict[tuple[str, int], float] = defaultdict(float)

    def set_base(self, region: str, consumers: int) -> None:
        """Take the region's base consumer count, the sum over its pools."""
        self._base[region] = consumers

    def add(self, region: str, slot: int, job_seconds: float) -> None:
        """Plan a job into a slot; it keeps a consumer busy in the slots that it runs through."""
        load = self._starts[slot].setdefault(region, Load())
        load.jobs += 1
        load.job_seconds += job_seconds
        for busy, seconds in self._shares(slot, job_seconds):
            self._busy_seconds[region, busy] += seconds

    def remove(self, region: str, slot: int, job_seconds: float) -> None:
        """Take a job out of a slot again."""
        load = self._starts.get(slot, {}).get(region)
        if load is None:
            return
        load.jobs -= 1
        load.job_seconds -= job_seconds
        for busy, seconds in self._shares(slot, job_seconds):
            self._busy_seconds[region, busy] -= seconds
        if load.jobs <= 0:
            self._forget(region, slot)

    def has_room(self, region: str, slot: int, job_seconds: float, band: Band) -> bool:
        """Whether a job can start in a slot: capacity(band) x slot length, in job-seconds.

        A region whose pools are not known yet has room everywhere, and so has a slot with
        nothing in it, however long the job.
        """
        base = self._base.get(region)
        if base is None:
            return True
        most = capacity(base, band) * self.wheel.slot_seconds
        first = min(job_seconds, self.wheel.slot_seconds)
        busy = self._busy_seconds.get((region, slot), 0.0)
        return busy <= 0 or busy + first <= most

    def planned(self) -> Iterator[tuple[int, str, Load]]:
        """Every slot with work in it: slot, region, load; earliest first."""
        for slot in sorted(self._starts):
            for region, load in self._starts[slot].items():
                yield slot, region, load

    def _shares(self, slot: int, job_seconds: float) -> Iterator[tuple[int, float]]:
        left = job_seconds
        while left > 0:
            yield slot, min(left, self.wheel.slot_seconds)
            left -= self.wheel.slot_seconds
            slot += 1

    def _forget(self, region: str, slot: int) -> None:
        del self._starts[slot][region]
        if not self._starts[slot]:
            del self._starts[slot]
        first = min(self._starts, default=slot + 1)
        for key in [key for key in self._busy_seconds if key[1] < first]:
            del self._busy_seconds[key]

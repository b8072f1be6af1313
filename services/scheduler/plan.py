"""What waits on the wheel, as the working scheduler knows it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from shared.domain.grid import Grid
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Timetable, Wheel


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deferred job with the intensity that it waits for, where that is known."""

    job: Job
    region: str
    expected_g_per_kwh: float | None


class Plan:
    """The jobs of every slot, and the timetable that their durations fill."""

    def __init__(self, wheel: Wheel) -> None:
        """Start empty: a new leader learns of each job as it opens the inherited places."""
        self.timetable = Timetable(wheel)
        self._slots: dict[int, dict[UUID, Waiting]] = defaultdict(dict)

    def add(self, slot: int, waiting: Waiting) -> None:
        """Note a job that was put into a slot."""
        self._slots[slot][waiting.job.id] = waiting
        self.timetable.add(waiting.region, slot, waiting.job.expected_duration_seconds)

    def remove(self, slot: int, job_id: UUID) -> None:
        """Note that a job was taken out of a slot; one that is not known is no error."""
        waiting = self._slots.get(slot, {}).pop(job_id, None)
        if waiting is None:
            return
        if not self._slots[slot]:
            del self._slots[slot]
        seconds = waiting.job.expected_duration_seconds
        self.timetable.remove(waiting.region, slot, seconds)

    def jobs(self) -> int:
        """How many jobs wait."""
        return sum(len(slot) for slot in self._slots.values())

    def better_now(self, grid: Grid, now_s: float) -> Iterator[int]:
        """The slots with a job for which the grid is now as good as what it waits for."""
        for slot in sorted(self._slots):
            if any(_is_better_now(each, grid, now_s) for each in self._slots[slot].values()):
                yield slot


def _is_better_now(waiting: Waiting, grid: Grid, now_s: float) -> bool:
    if waiting.region != grid.region:
        return False
    patient = waiting.job.priority is Priority.LOW
    if not patient and grid.band.rank <= waiting.job.accepts().rank:
        return True
    if waiting.expected_g_per_kwh is None:
        return grid.band.rank <= waiting.job.accepts().rank
    duration = waiting.job.expected_duration_seconds
    mean = grid.curve.mean(now_s, duration) if grid.curve else None
    window = grid.intensity_g_per_kwh if mean is None else mean
    return window is not None and window <= waiting.expected_g_per_kwh

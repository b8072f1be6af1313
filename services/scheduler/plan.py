"""What waits on the wheel, as the working scheduler knows it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.jobs import Job
from shared.domain.timetable import Timetable, Wheel


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job on the wheel.

    Attributes:
        job: what is left of it: its duration and energy are those of the rest.
        slot: the place where it waits.
        load_slot: where the timetable has it; None where that lies beyond the wheel, or the job
            is paused.
        not_before: the end of a retry's backoff.
        paused: whether it waits for the end of a pause.
    """

    job: Job
    region: str
    slot: int
    load_slot: int | None
    not_before: datetime | None = None
    paused: bool = False


class Plan:
    """The jobs of every slot, and the timetable that their durations fill."""

    def __init__(self, wheel: Wheel) -> None:
        """Start empty: a new leader learns of each job as it opens the inherited places."""
        self.timetable = Timetable(wheel)
        self._slots: dict[int, dict[UUID, Waiting]] = defaultdict(dict)
        self._slot_of: dict[UUID, int] = {}

    def add(self, waiting: Waiting) -> None:
        """Note a job that is put into a slot."""
        self.remove(waiting.job.id)
        self._slots[waiting.slot][waiting.job.id] = waiting
        self._slot_of[waiting.job.id] = waiting.slot
        take(self.timetable, waiting)

    def remove(self, job_id: UUID) -> None:
        """Note that a job was taken out of its slot; one that is not known is no error."""
        slot = self._slot_of.pop(job_id, None)
        if slot is None:
            return
        waiting = self._slots[slot].pop(job_id)
        if not self._slots[slot]:
            del self._slots[slot]
        leave(self.timetable, waiting)

    def pause(self, job_id: UUID) -> None:
        """Note that a job is paused: it stays where it waits, and takes no room there."""
        waiting = self.get(job_id)
        if waiting is not None and not waiting.paused:
            self.add(replace(waiting, load_slot=None, paused=True))

    def get(self, job_id: UUID) -> Waiting | None:
        """A job that waits; None if it does not."""
        slot = self._slot_of.get(job_id)
        return None if slot is None else self._slots[slot][job_id]

    def jobs(self) -> int:
        """How many jobs wait."""
        return len(self._slot_of)

    def waiting(self) -> Iterator[Waiting]:
        """Every job on the wheel."""
        for slot in self._slots.values():
            yield from slot.values()


def take(timetable: Timetable, waiting: Waiting) -> None:
    """Add a job's load to a timetable."""
    job = waiting.job
    if waiting.load_slot is not None:
        seconds = job.expected_duration_seconds
        timetable.add(waiting.region, waiting.load_slot, seconds, job.priority)


def leave(timetable: Timetable, waiting: Waiting) -> None:
    """Take it away again."""
    job = waiting.job
    if waiting.load_slot is not None:
        seconds = job.expected_duration_seconds
        timetable.remove(waiting.region, waiting.load_slot, seconds, job.priority)

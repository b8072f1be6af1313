"""The rows that the page Plan draws, from a timetable; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from dashboard import units
from dashboard.frames import STATE_WORDS
from shared.ledger.reads import PlannedRoom, TimetableRow
from shared.ledger.reads.due import DueJob

LOAD, ROOM = "planned work", "room left"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Totals:
    """A timetable's sums.

    Attributes:
        load_seconds: job-seconds planned.
        room_seconds: job-seconds left; None where no pool is known.
        cleanest: of the slots that still have room, the one with the lowest expected intensity.
    """

    jobs: int
    load_seconds: float
    room_seconds: float | None
    cleanest: PlannedRoom | None


def totals(slots: Sequence[PlannedRoom]) -> Totals:
    """The sums over all slots."""
    rooms = [slot.room_seconds for slot in slots if slot.room_seconds is not None]
    free = [
        (slot.expected_g_per_kwh, slot.at, slot)
        for slot in slots
        if slot.expected_g_per_kwh is not None and slot.room_seconds != 0.0
    ]
    return Totals(
        jobs=sum(slot.jobs for slot in slots),
        load_seconds=sum(slot.load_seconds for slot in slots),
        room_seconds=sum(rooms) if rooms else None,
        cleanest=min(free, key=lambda each: each[:2])[2] if free else None,
    )


def intensities(timetable: TimetableRow) -> pd.DataFrame:
    """What is expected of each slot: `at`, `end`, `value`, `band`, `jobs`."""
    length = timedelta(seconds=timetable.slot_seconds)
    return pd.DataFrame(
        [
            {
                "at": slot.at,
                "end": slot.at + length,
                "value": slot.expected_g_per_kwh,
                "band": slot.band.words,
                "jobs": slot.jobs,
            }
            for slot in timetable.slots
            if slot.expected_g_per_kwh is not None
        ],
        columns=["at", "end", "value", "band", "jobs"],
    )


def work_unit(timetable: TimetableRow) -> units.Unit:
    """The unit of work that suits the fullest slot."""
    return units.time(slot.load_seconds + (slot.room_seconds or 0.0) for slot in timetable.slots)


def loads(timetable: TimetableRow, unit: units.Unit) -> pd.DataFrame:
    """Work and room of each slot, one above the other: `at`, `end`, `low`, `high`, `what`."""
    length = timedelta(seconds=timetable.slot_seconds)
    rows: list[Row] = []
    for slot in timetable.slots:
        load = slot.load_seconds / unit.size
        about: Row = {"at": slot.at, "end": slot.at + length, "jobs": slot.jobs}
        if load:
            rows.append({**about, "low": 0.0, "high": load, "value": load, "what": LOAD})
        if slot.room_seconds:
            room = slot.room_seconds / unit.size
            rows.append({**about, "low": load, "high": load + room, "value": room, "what": ROOM})
    return pd.DataFrame(rows, columns=["at", "end", "jobs", "low", "high", "value", "what"])


def slots(timetable: TimetableRow, *, every: bool) -> pd.DataFrame:
    """One row for each slot with work, or for all of them; times and figures with their units."""
    unit = work_unit(timetable)
    shown = [slot for slot in timetable.slots if every or slot.jobs or slot.load_seconds]
    return pd.DataFrame([_slot(slot, unit) for slot in shown])


def _slot(slot: PlannedRoom, unit: units.Unit) -> Row:
    room = slot.room_seconds
    whole = slot.load_seconds + (room or 0.0)
    return {
        "Slot": slot.at,
        "Expected, gCO\u2082/kWh": slot.expected_g_per_kwh,
        "Band": slot.band.words,
        "Jobs": slot.jobs,
        f"Planned work, {unit.name}": unit.of(slot.load_seconds),
        f"Room left, {unit.name}": unit.of(room),
        "Full, %": 100 * slot.load_seconds / whole if room is not None and whole else None,
    }


def due(rows: Sequence[DueJob], now: datetime) -> pd.DataFrame:
    """The jobs that are not over, by their deadline."""
    return pd.DataFrame([_due(row, now) for row in rows])


def _due(job: DueJob, now: datetime) -> Row:
    begin = max(job.planned_at, now) if job.planned_at else now
    spare_s = (job.deadline - begin).total_seconds() - (job.expected_duration_seconds or 0.0)
    return {
        "Deadline": job.deadline,
        "Left": job.deadline,
        "Job": job.type or str(job.id)[:8],
        "State": STATE_WORDS.get(job.state.value, job.state.value),
        "Planned for": job.planned_at,
        "Spare, min": spare_s / 60.0 if job.planned_at else None,
        "Id": str(job.id)[:8],
    }

"""What the page Plan shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.data.source import Known, kept, known, ledger
from shared.ledger import reads
from shared.ledger.reads.due import DueJob, EarlyRelease, due_jobs, early_releases
from shared.runtime import system_clock

KEPT_SECONDS = 5
DUE_SHOWN = 100
EARLY_LOOKBACK = timedelta(hours=24)
EARLY_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """A region's timetable and what belongs to it.

    Attributes:
        silent_since: when a process was last heard, where none is alive any more.
        timetable: None before a scheduler told one.
        leader: whether a scheduler that works is alive, so that the timetable is kept current.
        early: jobs that lately left their slot before its time.
    """

    at: datetime
    silent_since: datetime | None
    timetable: reads.TimetableRow | None
    grid: reads.GridNow | None
    leader: bool
    due: list[DueJob]
    early: list[EarlyRelease]


def plan(url: str, region: str | None) -> Known[Plan]:
    """The timetable of a region; of the one that was updated last where none is chosen."""
    return known("plan", _plan, url, region)


@kept(KEPT_SECONDS)
def _plan(url: str, region: str | None) -> Plan:
    engine, at = ledger(url), system_clock()
    grid = reads.latest_grid(engine, region, at)
    place = region or (grid.region if grid else None)
    told = reads.latest_timetables(engine, place)
    timetable = told[0] if told else None
    where = place or (timetable.region if timetable else None)
    slot_seconds = timetable.slot_seconds if timetable else 0.0
    beats = reads.services(engine, at)
    return Plan(
        at=at,
        silent_since=reads.silent_since(beats),
        timetable=timetable,
        grid=grid,
        leader=any(
            beat.alive and beat.facts.get("role") == "leader"
            for beat in beats
            if beat.service == "scheduler"
        ),
        due=due_jobs(engine, where, DUE_SHOWN) if where else [],
        early=early_releases(engine, where, at - EARLY_LOOKBACK, slot_seconds, EARLY_SHOWN)
        if where
        else [],
    )

"""The timetables, as the working scheduler last told them."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from shared.domain.bands import Band
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, timetables


@dataclass(frozen=True, slots=True)
class PlannedRoom:
    """One slot of a timetable.

    Attributes:
        expected_g_per_kwh: the forecast's mean over the slot; None where it is silent.
        jobs: how many are planned to start in it.
        load_seconds: job-seconds planned into it.
        room_seconds: job-seconds left; None while no pool was known.
    """

    at: datetime
    band: Band
    expected_g_per_kwh: float | None
    jobs: int
    load_seconds: float
    room_seconds: float | None


@dataclass(frozen=True, slots=True)
class TimetableRow:
    """A region's timetable.

    Attributes:
        at: when it was told.
        consumers: how many jobs the pools ran at once; None while none was known.
        backlog_seconds: job-seconds that the pools still had to do.
        slots: the slot of that moment and all later ones.
    """

    region: str
    at: datetime
    slot_seconds: float
    consumers: int | None
    backlog_seconds: float | None
    slots: tuple[PlannedRoom, ...]


def latest_timetables(engine: Engine, region: str | None = None) -> list[TimetableRow]:
    """The last timetable of every region, or of one, by name."""
    query = select(timetables).order_by(timetables.c.region)
    if region is not None:
        query = query.where(timetables.c.region == region)
    with reading(engine) as connection:
        return [_timetable(row) for row in connection.execute(query)]


def _timetable(row: AnyRow) -> TimetableRow:
    slots = (
        PlannedRoom(
            **{**each, "at": datetime.fromisoformat(each["at"]), "band": Band(each["band"])}
        )
        for each in json.loads(row.slots)
    )
    return TimetableRow(
        row.region, row.at, row.slot_seconds, row.consumers, row.backlog_seconds, tuple(slots)
    )

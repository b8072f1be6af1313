"""What `plan` prints: the timetable of a region, slot by slot."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.palette import band_badge, bar
from services.cli.words import UNKNOWN, clock, counted, duration, intensity, moment
from shared.ledger.reads import PlannedRoom, TimetableRow

BAR_WIDTH = 16
LOAD_STYLE = "#56b4e9"
_HEADINGS = ("slot", "expected", "band", "jobs", "load", "", "room")


def print_plans(
    out: Console, plans: Sequence[TimetableRow], now: datetime, *, every_slot: bool
) -> None:
    """Each region's timetable; slots without work are put together unless all are asked for."""
    if not plans:
        out.print("no scheduler has told its timetable yet", soft_wrap=True)
    for plan in plans:
        out.print(_heading(plan, now), soft_wrap=True)
        out.print(_table(plan, now, every_slot=every_slot))


def _heading(plan: TimetableRow, now: datetime) -> Text:
    jobs = sum(slot.jobs for slot in plan.slots)
    line = Text(plan.region, "bold")
    line.append(f"  {counted(jobs, 'job')} on the wheel, as of {moment(plan.at, now)}; ")
    if plan.consumers is None:
        return line.append("no worker pool is known, so room is not limited")
    line.append(f"{counted(plan.consumers, 'consumer')} now")
    if plan.backlog_seconds:
        line.append(f", {duration(plan.backlog_seconds)} of work before them")
    return line


def _table(plan: TimetableRow, now: datetime, *, every_slot: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, title in enumerate(_HEADINGS):
        right = number in {1, 3, 4, 6}
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for cells in _rows(plan, now, every_slot=every_slot):
        table.add_row(*cells)
    return table


def _rows(plan: TimetableRow, now: datetime, *, every_slot: bool) -> Iterator[tuple[Text, ...]]:
    length = timedelta(seconds=plan.slot_seconds)
    for has_work, group in groupby(plan.slots, key=_has_work):
        slots = list(group)
        if has_work or every_slot:
            yield from (_slot(slot, now) for slot in slots)
        else:
            yield _gap(slots, slots[-1].at + length, now)


def _has_work(slot: PlannedRoom) -> bool:
    return slot.jobs > 0 or slot.load_seconds > 0


def _slot(slot: PlannedRoom, now: datetime) -> tuple[Text, ...]:
    room = slot.room_seconds
    share = (
        Text()
        if room is None
        else bar(round(slot.load_seconds), round(slot.load_seconds + room), BAR_WIDTH, LOAD_STYLE)
    )
    return (
        Text(clock(slot.at, now)),
        Text(intensity(slot.expected_g_per_kwh)),
        band_badge(slot.band),
        Text(str(slot.jobs) if slot.jobs else ""),
        Text(duration(slot.load_seconds) if slot.load_seconds else ""),
        share,
        Text(UNKNOWN if room is None else duration(room), "" if room else "dim"),
    )


def _gap(slots: Sequence[PlannedRoom], end: datetime, now: datetime) -> tuple[Text, ...]:
    """Slots without work in one line, with the cleanest of them."""
    known = [s.expected_g_per_kwh for s in slots if s.expected_g_per_kwh is not None]
    span = f"{clock(slots[0].at, now)} to {clock(end, now)}"
    least = f"from {intensity(min(known))}" if known else UNKNOWN
    blank = Text()
    free = Text(_free(slots), "dim")
    return Text(span, "dim"), Text(least, "dim"), blank, blank, blank, blank, free


def _free(slots: Iterable[PlannedRoom]) -> str:
    rooms = [slot.room_seconds for slot in slots if slot.room_seconds is not None]
    return duration(sum(rooms)) if rooms else ""

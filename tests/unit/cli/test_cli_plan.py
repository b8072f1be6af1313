"""`plan`: the timetable as people and programs read it."""

import json
from datetime import datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from rich.console import Console

from services.cli.plan_view import print_plans
from shared.domain.bands import Band
from shared.ledger.reads import latest_timetables
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import SlotPlan, TimetableUpdated

URL = "sqlite:///.carbon-aware/ledger.db"


def slot(at: datetime, jobs=0, load=0.0, room=1200.0, expected=300.0, band=Band.MEDIUM):
    return SlotPlan(
        at=at,
        band=band,
        expected_g_per_kwh=expected,
        jobs=jobs,
        load_seconds=load,
        room_seconds=room,
    )


@pytest.fixture
def planned(empty_folder, story):
    """Twelve slots: work in the fourth, the fifth carries its rest, the last has no forecast."""
    first = story.now.replace(microsecond=0)
    slots = [slot(first + timedelta(minutes=5 * n)) for n in range(12)]
    slots[2] = slot(slots[2].at, expected=260.0)
    slots[3] = slot(slots[3].at, 14, 2400.0, 0.0, 96.0, Band.VERY_LOW)
    slots[4] = slot(slots[4].at, 0, 60.0, 2340.0, 98.0, Band.VERY_LOW)
    slots[11] = slot(slots[11].at, expected=None)
    event = TimetableUpdated(
        id=uuid4(),
        at=first,
        region="CAISO_NORTH",
        slot_seconds=300,
        consumers=4,
        backlog_seconds=90.0,
        slots=tuple(slots),
    )
    migrate(URL)
    engine = open_engine(URL)
    with writing(engine) as connection:
        record(connection, [event])
    yield engine
    engine.dispose()


def drawn(engine, now, *, every_slot=False, width=100):
    text = StringIO()
    out = Console(file=text, width=width, color_system=None)
    print_plans(out, latest_timetables(engine), now, every_slot=every_slot)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_slots_with_work_are_shown_and_the_others_put_together(planned, story):
    head, titles, before, busy, rest, after = drawn(planned, story.now)
    assert head.startswith("CAISO_NORTH  14 jobs on the wheel, as of ")
    assert head.endswith("; 4 consumers now, 1 min 30 s of work before them")
    assert titles.split() == ["slot", "expected", "band", "jobs", "load", "room"]
    assert "from 260 g/kWh" in before
    assert before.endswith("1 h"), "three free slots of 20 minutes"
    assert busy.split()[2:9] == ["96", "g/kWh", "very", "low", "14", "40", "min"]
    assert busy.endswith("0 s")
    assert rest.endswith("39 min")
    assert "from 300 g/kWh" in after


def test_all_shows_every_slot_and_what_is_unknown(planned, story):
    lines = drawn(planned, story.now, every_slot=True)
    assert len(lines) == 2 + 12
    assert "unknown" in lines[-1]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(planned, story, width):
    lines = drawn(planned, story.now, every_slot=True, width=width)
    assert all(len(line) <= width for line in lines[1:])


def test_json_has_every_slot_with_units(planned, cli):
    answer = json.loads(cli("plan", "--json").stdout)
    (region,) = answer["regions"]
    assert (region["region"], region["consumers"], len(region["slots"])) == ("CAISO_NORTH", 4, 12)
    assert set(region["slots"][3]) == {
        "at",
        "band",
        "expected_g_per_kwh",
        "jobs",
        "load_seconds",
        "room_seconds",
    }
    assert json.loads(cli("plan", "--json", "--region", "NOWHERE").stdout) == {"regions": []}


def test_before_the_first_timetable_one_line_says_so(filled_ledger, cli):
    assert cli("plan").stdout == "no scheduler has told its timetable yet\n"

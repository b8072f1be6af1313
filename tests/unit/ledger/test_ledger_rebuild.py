"""A ledger that is made from a dump has the same tables as the live one, in both databases."""

import io
import json
import runpy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import CarbonAwareError
from shared.ledger.dump import count_events, dump_lines
from shared.ledger.rebuild import BrokenDump, NotEmpty, check_dump, rebuild
from shared.messages import Action, encode

ORDER: Any = runpy.run_path(str(Path(__file__).parent / "test_ledger_order.py"))
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def dumped(ledger: Any) -> bytes:
    return b"".join(dump_lines(ledger.engine, NOW))


def rebuilt(new_ledger: Callable[[], Any], dump: bytes) -> Any:
    other = new_ledger()
    manifest = check_dump(io.BytesIO(dump))
    told: list[int] = []
    rebuild(other.engine, io.BytesIO(dump), manifest, told.append)
    assert sum(told) == manifest.events
    return other


@pytest.fixture
def everything(story: Any, life: Any) -> list[Any]:
    """Something of every kind, and of that of which only the last word is kept."""
    return [
        *life,
        story.accepted(2, 100),
        story.started(2, 110),
        story.progressed(2, 110, 120, 0.2),
        story.progressed(2, 110, 130, 0.4, message="half of it, nearly"),
        story.resized(5, 4),
        story.rejected(6),
        story.taken(7, Action.PAUSE),
        story.beat(1),
        story.beat(9, running=2),
        story.timetable(3, 1, 0),
        story.timetable(8, 2, 5, consumers=None),
    ]


def test_a_rebuilt_ledger_has_the_same_tables(
    ledger: Any, new_ledger: Callable[[], Any], everything: list[Any]
) -> None:
    ledger.record(*reversed(everything), *everything[::3])
    expected = ledger.dump()
    assert all(expected.values()), "every table has a row"
    dump = dumped(ledger)
    other = rebuilt(new_ledger, dump)
    assert other.dump() == expected
    assert dumped(other) == dump


def test_the_dumps_of_both_databases_are_equal_and_so_are_their_tables(
    sqlite_ledger: Any, postgres_ledger: Any, everything: list[Any]
) -> None:
    sqlite_ledger.record(*reversed(everything))
    dump = dumped(sqlite_ledger)
    there = rebuilt(lambda: postgres_ledger, dump)
    assert dumped(there) == dump
    assert there.dump() == sqlite_ledger.dump()


def test_revisions_of_accounts_come_back_with_their_versions_and_dates(
    ledger: Any, new_ledger: Callable[[], Any], story: Any
) -> None:
    grid = [story.intensity(300 * n, 400.0 - 100 * n) for n in range(4)]
    ledger.record(*grid, story.accepted(1, 0), story.succeeded(1, 300, 900))
    ledger.record(story.revised(5000, 300, [100.0]))
    ledger.record(story.revised(6000, 300, [150.0]))
    dump = dumped(ledger)
    assert json.loads(dump.splitlines()[-1])["manifest"]["rows"] == 2
    other = rebuilt(new_ledger, dump)
    assert len(other.all_rows()["account_revisions"]) == 2
    assert other.all_rows() == ledger.all_rows()
    assert dumped(other) == dump


@pytest.mark.parametrize("new_ledger", ["sqlite"], indirect=True)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_after_any_disorder(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], data: st.DataObject
) -> None:
    check_disorder(new_ledger, new_story(), data)


@pytest.mark.parametrize("new_ledger", ["postgresql"], indirect=True)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_after_any_disorder_on_postgresql(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], data: st.DataObject
) -> None:
    check_disorder(new_ledger, new_story(), data)


def check_disorder(new_ledger: Callable[[], Any], story: Any, data: st.DataObject) -> None:
    paths = data.draw(st.lists(ORDER["job_path"](), min_size=1, max_size=3))
    told = [e for n, path in enumerate(paths) for e in ORDER["Teller"](story, n, path).tell()]
    told += [story.intensity(**point) for point in data.draw(ORDER["grid_path"]())]
    told += [story.revised(**revision) for revision in data.draw(ORDER["revision_path"]())]
    told += [story.resized(5, 4), story.rejected(3), story.beat(1), story.timetable(2, 1)]
    live = new_ledger()
    shuffled = data.draw(st.permutations(told))
    size = data.draw(st.integers(1, len(shuffled)))
    for start in range(0, len(shuffled), size):
        live.record(*shuffled[start : start + size])
    expected = live.dump()
    assert rebuilt(new_ledger, dumped(live)).dump() == expected


def test_the_manifest_vouches_for_the_lines(ledger: Any, life: Any, story: Any) -> None:
    ledger.record(*life, story.beat(5))
    *lines, last = dumped(ledger).splitlines(keepends=True)
    manifest = json.loads(last)["manifest"]
    assert manifest["events"] == len(lines) == len(life) + 1
    assert count_events(ledger.engine) == len(life)
    assert manifest["first_at"] == story.at(0).isoformat()
    assert manifest["last_at"] == story.at(2700).isoformat()
    assert lines[: len(life)] == [encode(event) + b"\n" for event in life], "as they were recorded"


def test_an_empty_ledger_has_a_dump_too(ledger: Any, new_ledger: Callable[[], Any]) -> None:
    dump = dumped(ledger)
    assert len(dump.splitlines()) == 1
    assert rebuilt(new_ledger, dump).dump() == ledger.dump()


_ROLL_UP = (
    b'{"row":{"table":"daily_waits","day":1,"region":"","type":"","priority":"","signal":"",'
    b'"simulated":false,"bucket":1,"jobs":1,"wait_microseconds":1}}\n'
)
BREAKS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "cut short": (lambda lines: lines[:-1], "cut short"),
    "a line is missing": (lambda lines: lines[1:], "are not the"),
    "a line comes twice": (lambda lines: [lines[0], *lines], "are not the"),
    "two lines change places": (lambda lines: [lines[1], lines[0], *lines[2:]], "are not the"),
    "a figure was changed": (
        lambda lines: [line.replace(b"400.0", b"300.0") for line in lines],
        "are not the",
    ),
    "more after its end": (lambda lines: [*lines, lines[0]], "stands after the manifest"),
    "no event": (lambda lines: [b"{}\n", *lines], "line 1 is no event"),
    "no row": (lambda lines: [b'{"row":{"table":"jobs"}}\n', *lines], "line 1 is no row"),
    "an event after the rows": (
        lambda lines: [*lines[:-1], _ROLL_UP, lines[0], lines[-1]],
        "is an event after the rows",
    ),
    "another format": (
        lambda lines: [*lines[:-1], lines[-1].replace(b"ledger.v1", b"ledger.v9")],
        "its format is carbon-aware.ledger.v9",
    ),
    "a torn manifest": (lambda lines: [*lines[:-1], b'{"manifest": {"ev'], "cannot be read"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_dump_is_refused(sqlite_ledger: Any, life: Any, name: str) -> None:
    sqlite_ledger.record(*life)
    damage, said = BREAKS[name]
    lines = damage(dumped(sqlite_ledger).splitlines(keepends=True))
    with pytest.raises(BrokenDump, match=said) as caught:
        check_dump(lines)
    assert "\n" not in str(caught.value)


def test_a_ledger_with_something_in_it_is_refused(
    ledger: Any, new_ledger: Callable[[], Any], life: Any, story: Any
) -> None:
    ledger.record(*life)
    other = new_ledger()
    other.record(story.beat(1))
    before = other.dump()
    dump = dumped(ledger)
    with pytest.raises(NotEmpty, match="1 rows in its table services"):
        rebuild(other.engine, io.BytesIO(dump), check_dump(io.BytesIO(dump)), lambda _: None)
    assert other.dump() == before


def test_a_rebuild_that_fails_leaves_nothing(
    ledger: Any, new_ledger: Callable[[], Any], life: Any
) -> None:
    ledger.record(*life)
    dump = dumped(ledger)
    other = new_ledger()
    empty = other.dump()

    def fail(_: int) -> None:
        raise CarbonAwareError("the disk is full")

    with pytest.raises(CarbonAwareError, match="the disk is full"):
        rebuild(other.engine, io.BytesIO(dump), check_dump(io.BytesIO(dump)), fail)
    assert other.dump() == empty

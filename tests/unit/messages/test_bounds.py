"""Events that no reader could work with are refused by a line that names the field."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Undecodable
from shared.messages import AnyEvent, decode_event

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "golden").glob("*.json"))
}


def changed(kind: str, path: str, value: Any) -> AnyEvent:
    """The golden example of a kind of event, read with another value in one place."""
    event = json.loads(json.dumps(GOLDEN[f"{kind}.v1"]))
    *parents, last = path.split(".")
    part = event
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    part[last] = value
    return decode_event(json.dumps(event).encode())


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2300-01-01T00:00:00Z",
        "1899-12-31T23:59:59.999999Z",
        "2026-11-22T12:00:00",
    ],
)
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("job.rejected", "at"),
        ("job.started", "started_at"),
        ("job.succeeded", "finished_at"),
        ("job.deferred", "planned_at"),
        ("job.deferred", "numbers.latest_start"),
        ("job.retried", "not_before"),
        ("job.accepted", "job.submitted_at"),
        ("job.accepted", "job.deadline"),
        ("intensity.updated", "reading.at"),
        ("intensity.updated", "forecast.start"),
        ("intensity.revised", "points.0.at"),
        ("timetable.updated", "slots.0.at"),
        ("service.beat", "started_at"),
    ],
)
def test_an_instant_that_calendars_cannot_hold_is_refused(kind: str, path: str, at: str) -> None:
    with pytest.raises(Undecodable, match=path.rsplit(".", maxsplit=1)[-1]):
        changed(kind, path, at)


@pytest.mark.parametrize("at", ["1900-01-01T00:00:00Z", "2299-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_instant_are_taken(at: str) -> None:
    changed("job.deferred", "numbers.latest_start", at)
    assert changed("job.deferred", "planned_at", at).model_dump(mode="json")["planned_at"] == at


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("job.started", "region"),
        ("job.started", "pool"),
        ("job.cancelled", "region"),
        ("job.released", "region"),
        ("job.deferred", "numbers.region"),
        ("job.accepted", "job.type"),
        ("job.accepted", "job.regions"),
        ("intensity.updated", "reading.region"),
        ("intensity.updated", "reading.source"),
        ("intensity.revised", "source"),
        ("timetable.updated", "region"),
        ("pool.resized", "pool"),
        ("service.beat", "service"),
        ("service.beat", "instance"),
        ("service.beat", "host"),
    ],
)
def test_a_name_that_is_too_long_for_an_index_is_refused(kind: str, path: str) -> None:
    def named(length: int) -> AnyEvent:
        name = "x" * length
        return changed(kind, path, [name] if path == "job.regions" else name)

    assert "x" * 200 in named(200).model_dump_json()
    with pytest.raises(Undecodable, match=path.rsplit(".", maxsplit=1)[-1] + ".*at most 200 char"):
        named(201)

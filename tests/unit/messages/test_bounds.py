"""Events that no reader could work with are refused by a line that names the field."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import InvalidJob, Undecodable
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobSubmit,
    QueuedJob,
    decode_event,
    decode_submit,
    encode,
)

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "golden").glob("*.json"))
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def changed(kind: str, path: str, value: Any) -> AnyEvent:
    """The golden example of a kind of event, read with another value in one place."""
    event = json.loads(json.dumps(GOLDEN[f"{kind}.v1"]))
    *parents, last = path.split(".")
    part = event
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    part[int(last) if isinstance(part, list) else last] = value
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


AMOUNTS = [
    ("intensity.updated", "reading.intensity_g_per_kwh", -1e5, 1e5),
    ("intensity.updated", "reading.index_percent", 0, 100),
    ("intensity.updated", "reading.period_seconds", 1e-3, 31 * 86_400),
    ("intensity.updated", "forecast.values_g_per_kwh.0", -1e5, 1e5),
    ("intensity.updated", "forecast.period_seconds", 1e-3, 31 * 86_400),
    ("intensity.updated", "age_seconds", -3.1e8, 3.1e8),
    ("intensity.revised", "points.0.intensity_g_per_kwh", -1e5, 1e5),
    ("intensity.revised", "period_seconds", 1e-3, 31 * 86_400),
    ("job.accepted", "job.expected_duration_seconds", 1e-3, 3.1e8),
    ("job.accepted", "job.energy_kwh", 0, 1e7),
    ("job.accepted", "job.power_watts", 0, 1e9),
    ("job.deferred", "numbers.intensity_g_per_kwh", -1e5, 1e5),
    ("job.deferred", "numbers.window_g_per_kwh", -1e5, 1e5),
    ("job.deferred", "numbers.expected_saving_g", -1e15, 1e15),
    ("job.deferred", "numbers.forecast_age_seconds", -3.1e8, 3.1e8),
    ("job.released", "promised_g", -1e15, 1e15),
    ("job.paused", "remaining_seconds", 1e-3, 3.1e8),
    ("job.progressed", "fraction", 0, 1),
    ("pool.resized", "factor", 0, 1000),
    ("pool.resized", "consumers", 0, 10**9),
    ("timetable.updated", "slots.0.room_seconds", -1e15, 1e15),
    ("timetable.updated", "slot_seconds", 1e-3, 3.1e8),
    ("service.beat", "interval_seconds", 1e-3, 3.1e8),
]


@pytest.mark.parametrize(("kind", "path", "least", "most"), AMOUNTS)
def test_an_amount_that_nothing_can_have_is_refused(
    kind: str, path: str, least: float, most: float
) -> None:
    for fine in (least, most):
        changed(kind, path, fine)
    *_, name = (part for part in path.split(".") if not part.isdecimal())
    for wrong in (float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 11 * most):
        with pytest.raises(Undecodable, match=rf"\b{name}"):
            changed(kind, path, wrong)


def test_the_facts_of_a_service_are_numbers() -> None:
    with pytest.raises(Undecodable, match="facts"):
        changed("service.beat", "facts", {"waiting": float("nan")})


def test_a_forecast_ends_within_the_calendar() -> None:
    at = {"generated_at": "2299-12-31T00:00:00Z", "start": "2299-12-31T00:00:00Z"}
    longest = at | {"period_seconds": 31 * 86_400, "values_g_per_kwh": [1.0] * 10_000}
    event = changed("intensity.updated", "forecast", longest)
    assert isinstance(event, IntensityUpdated)
    assert event.forecast is not None
    assert event.forecast.end.year < 9999
    with pytest.raises(Undecodable, match="values_g_per_kwh: tuple should have at most 10000"):
        changed("intensity.updated", "forecast", longest | {"values_g_per_kwh": [1.0] * 10_001})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_the_door_alters_no_number_of_a_payload(number: str) -> None:
    """JSON has no word for it, so the handler would get null."""
    body = f'{{"type": "t", "payload": {{"fine": 1e300, "rows": [{{"x": {number}}}]}}}}'
    with pytest.raises(InvalidJob, match=r"^payload: rows\.0\.x is -?(nan|inf), .*leave it out$"):
        decode_submit(body.encode())


def test_a_program_cannot_submit_such_a_number_either() -> None:
    with pytest.raises(ValidationError, match=r"rows\.1 is nan"):
        JobSubmit(type="t", payload={"rows": (1.0, float("nan"))})


def test_a_payload_that_holds_itself_is_looked_through_once() -> None:
    payload: dict[str, Any] = {"a": [1.0]}
    payload["a"].append(payload)
    assert JobSubmit(type="t", payload=payload).payload["a"][0] == 1.0


@given(payload=st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_any_payload_reaches_the_handler_as_it_was_sent_or_is_refused(payload: Any) -> None:
    body = json.dumps({"type": "t", "payload": payload})
    try:
        submit = decode_submit(body.encode())
    except InvalidJob:
        assert "NaN" in body or "Infinity" in body
        return
    queued = encode(QueuedJob.model_construct(payload=submit.payload))
    assert json.loads(queued)["payload"] == payload


def test_a_deeply_nested_payload_is_walked_through() -> None:
    deep = "[" * 150 + "NaN" + "]" * 150
    with pytest.raises(InvalidJob, match="is nan"):
        decode_submit(f'{{"type": "t", "payload": {{"a": {deep}}}}}'.encode())

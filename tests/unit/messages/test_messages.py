"""The wire contract: the door, the envelope, the events."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.energy import MOST_KWH
from shared.domain.jobs import Job, Priority
from shared.errors import InvalidJob, MessageError, Undecodable
from shared.messages import (
    LARGEST_SUBMISSION_BYTES,
    IntensityUpdated,
    JobAccepted,
    JobCancelled,
    JobSubmit,
    JobSucceeded,
    QueuedJob,
    ServiceBeat,
    decode_event,
    decode_queued,
    decode_submit,
    encode,
    message_name,
    routing_key,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = Job(UUID(int=7), "t", Priority.NORMAL, Band.LOW, NOW, NOW + timedelta(hours=1), 600.0, ("R",))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def test_only_the_type_is_required():
    submit = decode_submit(b'{"type": "ml_training"}')
    assert (submit.type, submit.payload, submit.priority) == ("ml_training", {}, None)


def test_the_example_of_the_readme_is_valid():
    body = {
        "type": "ml_training",
        "payload": {"dataset": "q3"},
        "priority": "normal",
        "max_band": "very_low",
        "deadline": "2026-11-23T06:00:00Z",
        "expected_duration_seconds": 1800,
        "power_watts": 250,
        "region": "CAISO_NORTH",
        "interruptible": False,
        "on_deadline": "run",
        "idempotency_key": "train-q3",
    }
    submit = decode_submit(json.dumps(body).encode())
    assert submit.max_band is Band.VERY_LOW
    assert submit.deadline == datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({}, "type", "required"),
        ({"type": "a b"}, "type", "pattern"),
        ({"type": "t", "max_band": "green"}, "max_band", "very_low"),
        ({"type": "t", "max_band": "unknown"}, "max_band", "use one of"),
        ({"type": "t", "deadline": "2026-11-23T06:00:00"}, "deadline", "timezone"),
        ({"type": "t", "deadline": "0001-01-01T00:00:00Z"}, "deadline", "from 2000 to 2199"),
        ({"type": "t", "power_watts": -1}, "power_watts", "greater than or equal to 0"),
        ({"type": "t", "energy_kwh": 1.1e7}, "energy_kwh", "less than or equal to 10000000"),
        ({"type": "t", "expected_duration_seconds": 0}, "expected_duration_seconds", "than 0"),
        ({"type": "t", "colour": "red"}, "colour", "unknown field; known are type"),
        ({"type": "t", "power_watts": 1, "energy_kwh": 1}, "power_watts", "not both"),
        ({"type": "t", "regions": []}, "regions", "at least 1"),
        ({"type": "t", "payload": [1]}, "payload", "object"),
        ({"type": "t", "id": "seven"}, "id", "UUID"),
    ],
)
def test_a_bad_field_gets_one_line_that_names_it(body, field, hint):
    with pytest.raises(InvalidJob) as caught:
        decode_submit(json.dumps(body).encode())
    text = str(caught.value)
    assert field in text
    assert hint in text
    assert "\n" not in text


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"[1]", b'"x"', b"null", b"12"])
def test_what_is_no_json_object_is_said_to_be_none(body):
    with pytest.raises(Undecodable, match="the body is"):
        decode_submit(body)


def test_deeply_nested_json_is_refused_and_not_a_crash():
    with pytest.raises(MessageError):
        decode_submit(b"[" * 100_000)


@given(anything)
def test_any_json_is_accepted_or_refused_in_our_own_words(value):
    body = json.dumps(value).encode()
    for decode in (decode_submit, decode_queued, decode_event):
        try:
            decode(body)
        except MessageError as error:
            assert str(error)


@given(st.dictionaries(st.sampled_from(list(JobSubmit.model_fields)), anything))
def test_any_values_in_known_fields_are_accepted_or_refused(value):
    try:
        decode_submit(json.dumps({"type": "t", **value}).encode())
    except MessageError as error:
        assert "\n" not in str(error)


def test_a_queued_job_survives_the_wire():
    queued = QueuedJob(job=JOB, payload={"n": 1}, slot=12, promised_g=1.5)
    assert decode_queued(encode(queued)) == queued


def test_readers_ignore_fields_that_they_do_not_know():
    raw = json.loads(encode(QueuedJob(job=JOB)))
    raw["colour"] = "red"
    assert decode_queued(json.dumps(raw).encode()).job == JOB


def test_an_event_names_itself_with_its_version():
    event = JobAccepted(id=uuid4(), at=NOW, job_id=JOB.id, job=JOB)
    assert (message_name(event), routing_key(event)) == ("job.accepted.v1", "job.accepted")
    assert decode_event(encode(event)) == event


def test_an_unknown_event_is_refused_by_its_name():
    with pytest.raises(Undecodable, match=r"job.teleported.v1"):
        decode_event(b'{"type": "job.teleported.v1"}')


def test_every_event_type_decodes_to_its_own_class():
    beat = ServiceBeat(
        id=uuid4(),
        at=NOW,
        service="ledger",
        instance="i",
        host="h",
        pid=1,
        started_at=NOW,
        interval_seconds=10,
        facts={"running": 1, "leader": True, "name": "x", "none": None},
    )
    decoded = decode_event(encode(beat))
    assert isinstance(decoded, ServiceBeat)
    assert not isinstance(decoded, IntensityUpdated)
    assert decoded.facts == beat.facts


def test_a_job_that_is_too_large_says_what_to_do_instead():
    payload = {"data": "x" * LARGEST_SUBMISSION_BYTES}
    with pytest.raises(InvalidJob, match=r"more than 1048576; keep its data elsewhere"):
        decode_submit(json.dumps({"type": "a", "payload": payload}).encode())
    largest = {"data": "x" * (LARGEST_SUBMISSION_BYTES - 100)}
    assert decode_submit(json.dumps({"type": "a", "payload": largest}).encode()).payload == largest


@pytest.mark.parametrize(
    ("told", "energy_kwh"),
    [("0.5", 0.5), ("0", 0.0), ("1e7", MOST_KWH), ("1.1e7", None), ("-1", None), ("1e999", None)],
)
def test_an_energy_that_no_run_can_have_used_is_unknown(
    told: str, energy_kwh: float | None
) -> None:
    run = {"attempt": 1, "pool": "p", "region": "R", "started_at": NOW, "finished_at": NOW}
    about = {"id": UUID(int=1), "at": NOW, "job_id": UUID(int=2)} | run
    energy = {"energy_kwh": 0.25, "energy_method": "measured"}
    for event in (
        JobSucceeded.model_validate(about | energy),
        JobCancelled.model_validate(about | energy | {"by": None, "reason": "not needed"}),
    ):
        found = decode_event(encode(event).replace(b"0.25", told.encode()))
        assert isinstance(found, JobSucceeded | JobCancelled)
        assert found.energy_kwh == energy_kwh

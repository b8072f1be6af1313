"""Control messages, and the fields by which an interrupted job travels."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.errors import MessageError, Undecodable
from shared.messages import (
    Action,
    CancelJob,
    ControlTaken,
    JobCancelled,
    JobProgressed,
    JobStarted,
    PauseWork,
    QueuedJob,
    ResumeWork,
    RunJobNow,
    SetEco,
    action_of,
    decode_control,
    decode_event,
    decode_queued,
    encode,
    message_name,
    routing_key,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = Job(UUID(int=7), "t", Priority.NORMAL, Band.LOW, NOW, NOW + timedelta(hours=1), 600.0, ("R",))
HEAD = {"id": UUID(int=1), "at": NOW, "by": "ana"}
EVERY_CONTROL = [
    (CancelJob(**HEAD, job_id=JOB.id, reason="wrong data"), Action.CANCEL),
    (RunJobNow(**HEAD, job_id=JOB.id), Action.RUN_NOW),
    (PauseWork(**HEAD, job_type="t"), Action.PAUSE),
    (ResumeWork(**HEAD, region="R"), Action.RESUME),
    (SetEco(**HEAD, on=False, until=NOW), Action.ECO),
]


@pytest.mark.parametrize(("control", "action"), EVERY_CONTROL, ids=lambda value: str(value)[:8])
def test_a_control_message_survives_the_wire_and_names_its_action(control, action):
    assert decode_control(encode(control)) == control
    assert action_of(control) is action
    assert message_name(control) == f"control.{action}.v1"


def test_every_action_has_its_message():
    assert {action for _, action in EVERY_CONTROL} == set(Action)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"type": "control.explode.v1"}, "control.explode.v1"),
        ({"job_id": "seven"}, "job_id"),
        ({"at": "2026-03-01T12:00:00"}, "at: .*timezone"),
        ({"by": ""}, "by"),
    ],
)
def test_a_wrong_control_message_is_refused_in_one_line_that_names_the_field(changes, hint):
    body = json.loads(encode(CancelJob(**HEAD, job_id=JOB.id))) | changes
    with pytest.raises(Undecodable, match=hint) as caught:
        decode_control(json.dumps(body).encode())
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_our_own_words(body):
    with pytest.raises(MessageError):
        decode_control(body)


def test_a_control_message_is_no_event_and_its_trace_is_one():
    with pytest.raises(Undecodable):
        decode_event(encode(EVERY_CONTROL[0][0]))
    taken = ControlTaken(id=uuid4(), at=NOW, action=Action.PAUSE, scope="everything", by=None)
    assert decode_event(encode(taken)) == taken
    assert routing_key(taken) == "control.taken"


def test_an_attempt_told_of_before_there_were_pieces_is_the_first_piece():
    event = JobStarted(
        id=uuid4(), at=NOW, job_id=JOB.id, attempt=1, pool="p", region="R", started_at=NOW
    )
    body = json.loads(encode(event))
    del body["piece"]
    assert decode_event(json.dumps(body).encode()).piece == 1


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan")])
def test_progress_is_a_share_of_the_job(fraction):
    with pytest.raises(ValidationError, match="fraction"):
        JobProgressed(
            id=uuid4(),
            at=NOW,
            job_id=JOB.id,
            attempt=1,
            pool="p",
            region="R",
            started_at=NOW,
            fraction=fraction,
        )


def test_a_job_cancelled_before_it_ran_has_no_attempt_and_no_energy():
    event = JobCancelled(id=uuid4(), at=NOW, job_id=JOB.id, by=None, reason="no longer needed")
    decoded = decode_event(encode(event))
    assert (decoded.attempt, decoded.started_at, decoded.energy_kwh) == (None, None, None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=8,
    )
)
def test_a_checkpoint_comes_back_as_it_was(checkpoint):
    queued = QueuedJob(job=JOB, checkpoint=checkpoint, piece=3, remaining_seconds=60.0)
    assert decode_queued(encode(queued)) == queued


def test_a_job_queued_before_there_were_pieces_is_whole():
    body = json.loads(encode(QueuedJob(job=JOB)))
    for name in ("checkpoint", "piece", "remaining_seconds"):
        del body[name]
    queued = decode_queued(json.dumps(body).encode())
    assert (queued.checkpoint, queued.piece, queued.remaining_seconds) == (None, 1, None)


@pytest.mark.parametrize("field", [{"piece": 0}, {"remaining_seconds": 0}])
def test_a_rest_that_is_none_is_refused(field):
    body = json.loads(encode(QueuedJob(job=JOB))) | field
    with pytest.raises(Undecodable, match=next(iter(field))):
        decode_queued(json.dumps(body).encode())

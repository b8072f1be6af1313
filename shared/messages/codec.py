"""Messages to JSON bodies and back; what cannot be read is our own error."""

import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.errors import InvalidJob, Undecodable
from shared.messages.base import Event, Message, explain
from shared.messages.control import Action, AnyControl, Control
from shared.messages.events import AnyEvent
from shared.messages.jobs import LARGEST_SUBMISSION_BYTES, JobClaimed, JobSubmit, QueuedJob

_EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
_CONTROLS: TypeAdapter[AnyControl] = TypeAdapter(AnyControl)
T = TypeVar("T")


def encode(message: Message) -> bytes:
    """The JSON body of a message, UTF-8."""
    return message.model_dump_json().encode()


def message_name(message: Message) -> str:
    """Name and version, the AMQP `type`: `job.deferred.v1`."""
    name = getattr(message, "type", None)
    return "job.submit.v1" if isinstance(message, JobSubmit) else str(name)


def routing_key(event: Event) -> str:
    """An event's routing key: its name without the version."""
    return message_name(event).rsplit(".", 1)[0]


def action_of(control: Control) -> Action:
    """What a control message asks for, its routing key: `cancel` of `control.cancel.v1`."""
    return Action(message_name(control).split(".")[1])


def decode_submit(body: bytes) -> JobSubmit:
    """Read a submission.

    Raises:
        Undecodable: the body is not a JSON object.
        InvalidJob: it is too large, or a field is wrong; the one line names it and says what is
            expected.
    """
    if len(body) > LARGEST_SUBMISSION_BYTES:
        raise InvalidJob(
            f"the job is {len(body)} bytes, more than {LARGEST_SUBMISSION_BYTES}; "
            "keep its data elsewhere and put their address into `payload`"
        )
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(raw, dict):
        raise Undecodable(f"the body is a JSON {_json_kind(raw)}, not an object")
    try:
        return JobSubmit.model_validate_json(body)
    except ValidationError as error:
        raise InvalidJob(explain(error, known=JobSubmit.model_fields)) from error


def decode_queued(body: bytes) -> QueuedJob:
    """Read an accepted job.

    Raises:
        Undecodable: it is none.
    """
    return _decoded(body, QueuedJob.model_validate_json, "a job.queued.v1")


def decode_claim(body: bytes) -> JobClaimed:
    """Read a claim.

    Raises:
        Undecodable: it is none.
    """
    return _decoded(body, JobClaimed.model_validate_json, "a job.claimed.v1")


def decode_event(body: bytes) -> AnyEvent:
    """Read an event.

    Raises:
        Undecodable: it is none, or of an unknown name or version.
    """
    return _decoded(body, _EVENTS.validate_json, "an event")


def decode_control(body: bytes) -> AnyControl:
    """Read a control message.

    Raises:
        Undecodable: it is none, or of an unknown name or version.
    """
    return _decoded(body, _CONTROLS.validate_json, "a control message")


def _decoded(body: bytes, read: Callable[[bytes], T], what: str) -> T:
    try:
        return read(body)
    except ValidationError as error:
        raise Undecodable(f"not {what}: {explain(error)}") from error


def _json_kind(raw: object) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(raw), "null")

"""What an earlier release wrote is read for ever: messages wait for days, streams keep eight."""

import json
from pathlib import Path

import pytest

from shared.messages import (
    decode_claim,
    decode_control,
    decode_event,
    decode_queued,
    decode_submit,
    encode,
)

RELEASED = Path(__file__).parent / "released"
MESSAGES = sorted(RELEASED.glob("*/*.json"))
DECODERS = {
    "job.submit.v1": decode_submit,
    "job.queued.v1": decode_queued,
    "job.claimed.v1": decode_claim,
}
FOR_OTHERS = {"job.reply.v1"}
"""Answers to users' programs, which no service reads."""
FORBIDS_MORE = {"job.submit.v1"}
"""At the job door a typing error has to show."""


def decoder_of(name):
    if name.startswith("control.") and name != "control.taken.v1":
        return decode_control
    return DECODERS.get(name, decode_event)


def ids(path):
    return f"{path.parent.name}-{path.stem}"


def test_there_is_a_message_of_every_release():
    assert {path.parent.name for path in MESSAGES} >= {"0.1.0"}
    assert len(MESSAGES) >= 28


@pytest.mark.parametrize("path", [p for p in MESSAGES if p.stem not in FOR_OTHERS], ids=ids)
def test_a_message_of_a_release_still_decodes(path):
    body = path.read_bytes()
    message = decoder_of(path.stem)(body)
    assert written(message, json.loads(body)) == json.loads(body)


@pytest.mark.parametrize(
    "path", [p for p in MESSAGES if p.stem not in FOR_OTHERS | FORBIDS_MORE], ids=ids
)
def test_a_message_of_a_later_release_may_have_more_fields(path):
    more = json.loads(path.read_bytes()) | {"a_field_of_tomorrow": 1}
    decode = decoder_of(path.stem)
    assert decode(json.dumps(more).encode()) == decode(path.read_bytes())


def written(message, as_released):
    """What the message says now, of the fields that the release knew."""
    now = json.loads(encode(message))
    return {name: value for name, value in now.items() if name in as_released}

"""Queue arguments change only on purpose: the broker cannot change them, so users must migrate."""

import json
from pathlib import Path

import pytest

from shared.broker.mismatch import explain_mismatch
from shared.broker.topology import Topology

RECORD = Path(__file__).parent / "queues.json"
TOPOLOGY = Topology(("R",), 2, "n")
INEQUIVALENT = (
    "PRECONDITION_FAILED - inequivalent arg '{name}' for queue 'q' in vhost '/': "
    "received {wanted} but current is {held}"
)


def test_arguments_are_those_that_users_brokers_hold():
    """A change here needs a way to migrate in CHANGELOG.md, and then a new record."""
    queues = {queue.name: dict(queue.arguments) for queue in TOPOLOGY.queues()}
    assert queues == json.loads(RECORD.read_text())


def test_exchanges_are_those_that_users_brokers_hold():
    assert {exchange.name: exchange.kind.value for exchange in TOPOLOGY.exchanges()} == {
        "n.jobs": "topic",
        "n.jobs.delayed": "direct",
        "n.jobs.ready": "direct",
        "n.intensity": "topic",
        "n.control": "topic",
        "n.events": "topic",
    }


def explained(queue, name="x-delivery-limit", wanted="the value '100' of type 'long'", held="none"):
    refusal = INEQUIVALENT.format(name=name, wanted=wanted, held=held)
    return explain_mismatch(queue.name, queue.arguments, refusal)


def test_a_mismatch_names_the_queue_and_what_differs():
    line = explained(TOPOLOGY.ready_queues()[0], held="the value '20' of type 'long'")
    assert line.startswith("the queue n.jobs.ready.R.urgent was declared by another version: ")
    assert "x-delivery-limit is 20, and this version wants 100. " in line
    assert "\n" not in line


@pytest.mark.parametrize("queue", [TOPOLOGY.submitted, TOPOLOGY.dead, TOPOLOGY.ledger_events])
def test_a_queue_that_holds_something_is_emptied_before_it_is_deleted(queue):
    line = explained(queue)
    assert "set NAMESPACE to start beside it" in line
    assert line.index("let it run empty") < line.index("delete it")


def test_a_stream_s_history_is_said_to_be_lost():
    assert "history of its last days is lost" in explained(TOPOLOGY.intensity_log)


def test_a_refusal_in_other_words_is_passed_on():
    line = explain_mismatch("q", {}, "PRECONDITION_FAILED - something\n  new")
    assert "PRECONDITION_FAILED - something new" in line


def test_an_argument_that_is_missing_is_said_so():
    assert "x-delivery-limit is none, and this version wants 100" in explained(TOPOLOGY.submitted)

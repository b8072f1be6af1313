"""Any order and any repetition of a history ends in the same tables."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import TRANSITIONS, State
from shared.ledger import reads
from shared.ledger.rollups import rollups_differences
from shared.ledger.writes import positions
from shared.messages import Action

EXAMPLES = 25
ON_POSTGRESQL = 6
"""The same property where each example takes ten times as long."""


ENDS: dict[str, tuple[State, str]] = {
    "succeeded": (State.SUCCEEDED, "pieces run done"),
    "twice": (State.SUCCEEDED, "pieces run done again done"),
    "called off too late": (State.SUCCEEDED, "pieces run done called_off"),
    "died": (State.DEAD, "pieces run fail die"),
    "replayed": (State.SUBMITTED, "pieces run fail die replay"),
    "died again": (State.DEAD, "run fail die replay pieces run fail die"),
    "replayed and done": (State.SUCCEEDED, "pieces run fail die replay run done"),
    "expired": (State.EXPIRED, "expire"),
    "running": (State.RUNNING, "pieces run"),
    "paused": (State.PAUSED, "pieces run pause"),
    "resumed": (State.READY, "pieces run pause resume"),
    "cut": (State.CANCELLED, "pieces run cut"),
    "cancelled": (State.CANCELLED, "called_off"),
    "cancelled twice": (State.CANCELLED, "pieces run cut called_off"),
}
"""How a job's story ends: the state that it is in then, and the steps that lead there."""


@st.composite
def job_path(draw: st.DrawFn) -> dict[str, Any]:
    """What happens to one job."""
    return {
        "submitted": draw(st.integers(0, 2000)),
        "deferrals": draw(st.integers(0, 3)),
        "failures": draw(st.integers(0, 2)),
        "pauses": draw(st.integers(0, 2)),
        "end": draw(st.sampled_from(list(ENDS))),
        "energy": draw(st.sampled_from([None, 0.0, 0.25, 1.5])),
        "kept": draw(st.booleans()),
    }


class Teller:
    """Tells one job's events in the order in which they happen."""

    def __init__(self, story: Any, number: int, path: dict[str, Any]) -> None:
        self.story, self.number, self.path = story, number, path
        self.now = float(path["submitted"])
        self.events = [story.accepted(number, self.now)]
        self.failed = self.deferrals = 0
        self.piece = 1

    def tell(self) -> list[Any]:
        for _ in range(self.path["deferrals"]):
            self._defer()
        for _ in range(self.path["failures"]):
            self._pieces()
            self._run()
            self._fail()
            self._say("retried", self.failed, self.now + 2)
        _, steps = ENDS[self.path["end"]]
        for step in steps.split():
            getattr(self, f"_{step}")()
        return self.events

    def _pieces(self) -> None:
        """The pieces of an attempt before the one that is to end."""
        for _ in range(self.path["pauses"]):
            self._run()
            self._pause()
            self.piece += 1
            self._defer()

    def _run(self) -> None:
        self._decide("released")
        self._say("started", self.failed + 1, self.piece)
        self.begun = self.now
        attempt = {"attempt": self.failed + 1, "piece": self.piece}
        self.now += 10
        told = self.story.progressed(self.number, self.begun, self.now, 0.5, **attempt)
        self.events.append(told)

    def _fail(self) -> None:
        self._finish("failed")
        self.failed += 1
        self.piece = 1

    def _done(self) -> None:
        self._finish("succeeded")

    def _again(self) -> None:
        """Redelivered to another pool, which runs it again."""
        self._say("started", self.failed + 1, self.piece)

    def _cut(self) -> None:
        self._finish("cut")

    def _pause(self) -> None:
        self._finish("paused", left=290.0 if self.path["kept"] else 300.0)

    def _resume(self) -> None:
        self.piece += 1
        self._decide("released")

    def _die(self) -> None:
        self._say("died", self.failed)

    def _replay(self) -> None:
        self._say("replayed", self.failed, 90_000.0)

    def _expire(self) -> None:
        self._decide("expired")

    def _called_off(self) -> None:
        self._say("cancelled", by="bob")

    def _defer(self) -> None:
        self.deferrals += 1
        self._decide("deferred", self.now + 90, promised_g=float(self.deferrals))

    def _decide(self, what: str, *arguments: Any, **fields: Any) -> None:
        counters = {"attempts": self.failed, "deferrals": self.deferrals, "piece": self.piece}
        self._say(what, *arguments, **counters, **fields)

    def _finish(self, what: str, **fields: Any) -> None:
        attempt = {"attempt": self.failed + 1, "piece": self.piece}
        attempt["energy_kwh"] = self.path["energy"]
        self.now += 100
        tell = getattr(self.story, what)
        self.events.append(tell(self.number, self.begun, self.now, **attempt, **fields))

    def _say(self, what: str, *arguments: Any, **fields: Any) -> None:
        self.now += 10
        self.events.append(getattr(self.story, what)(self.number, self.now, *arguments, **fields))


@st.composite
def grid_path(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Points of a grid, with gaps, expected ones, two signals and revisions."""
    return [
        {
            "seconds": 300 * slot,
            "g_per_kwh": draw(st.sampled_from([None, 0.0, 150.0, 433.5])),
            "signal": draw(st.sampled_from(list(Signal))),
            "freshness": draw(st.sampled_from(list(Freshness))),
            "simulated": draw(st.booleans()),
            "told": 300 * slot + draw(st.integers(0, 900)),
        }
        for slot in draw(st.lists(st.integers(-2, 14), max_size=12))
    ]


@st.composite
def revision_path(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Revisions of a grid's history, each of a few points that follow one another."""
    return [
        {
            "told": draw(st.integers(0, 9000)),
            "first": 300 * draw(st.integers(-2, 14)),
            "values": tuple(draw(st.lists(st.sampled_from([0.0, 90.0, 433.5]), min_size=1))),
            "signal": draw(st.sampled_from(list(Signal))),
        }
        for _ in range(draw(st.integers(0, 4)))
    ]


@pytest.mark.parametrize("new_ledger", ["sqlite"], indirect=True)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_any_order_and_repetition_ends_in_identical_tables(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], data: st.DataObject
) -> None:
    check_any_order(new_ledger, new_story(), data)


@pytest.mark.parametrize("new_ledger", ["postgresql"], indirect=True)
@settings(max_examples=ON_POSTGRESQL, deadline=None)
@given(data=st.data())
def test_any_order_and_repetition_ends_in_identical_tables_on_postgresql(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], data: st.DataObject
) -> None:
    check_any_order(new_ledger, new_story(), data)


def check_any_order(new_ledger: Callable[[], Any], story: Any, data: st.DataObject) -> None:
    paths = data.draw(st.lists(job_path(), min_size=1, max_size=4))
    points = data.draw(grid_path())
    events = [
        event for number, path in enumerate(paths) for event in Teller(story, number, path).tell()
    ]
    events += [story.intensity(**point) for point in points]
    events += [story.revised(**told) for told in data.draw(revision_path())]
    events += [story.resized(5, 4), story.resized(9, 6), story.rejected(3), story.beat(1)]
    events += [story.beat(2, running=1), story.taken(7, Action.PAUSE)]
    in_order = new_ledger()
    in_order.record(*sorted(events, key=lambda event: event.at))
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    shuffled = data.draw(st.permutations(events + again))
    size = data.draw(st.integers(1, len(shuffled)))
    other = new_ledger()
    for start in range(0, len(shuffled), size):
        other.record(*shuffled[start : start + size])
    assert other.dump() == in_order.dump()
    with other.engine.connect() as connection:
        assert rollups_differences(connection) == []
    for number, path in enumerate(paths):
        status = reads.job_status(other.engine, story.job_id(number))
        assert status.state is ENDS[path["end"]][0], path


def test_every_transition_moves_a_job_forward(story: Any) -> None:
    """A new attempt or deferral raises its counter; all other steps raise the state's rank."""
    event_id = story.job_id(1)
    for before, following in TRANSITIONS.items():
        for after in following:
            failed = 1 if before in {State.RETRYING, State.DEAD} else 0
            deferrals = 1 if State.DEFERRED is after and before is not State.SUBMITTED else 0
            piece = 2 if before is State.PAUSED else 1
            first = positions.state_key(before, story.at(0), event_id)
            then = positions.state_key(
                after, story.at(1), event_id, failed=failed, piece=piece, deferrals=deferrals
            )
            assert then > first, (before, after)


def test_nothing_leads_out_of_a_final_state_but_a_replay(story: Any) -> None:
    event_id = story.job_id(1)
    for final in (state for state, following in TRANSITIONS.items() if not following):
        key = positions.state_key(final, story.at(0), event_id)
        for state in (state for state in State if TRANSITIONS[state]):
            later = positions.state_key(
                state, story.at(999), event_id, failed=9_999, deferrals=9_999
            )
            assert key > later

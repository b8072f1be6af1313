"""Any order and any repetition of a history ends in the same tables."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import TRANSITIONS, State
from shared.ledger.writes import positions

EXAMPLES = 60


@st.composite
def job_path(draw: st.DrawFn) -> dict[str, Any]:
    """What happens to one job."""
    return {
        "submitted": draw(st.integers(0, 2000)),
        "deferrals": draw(st.integers(0, 3)),
        "failures": draw(st.integers(0, 2)),
        "end": draw(st.sampled_from(["succeeded", "died", "expired", "running", "twice"])),
        "energy": draw(st.sampled_from([None, 0.0, 0.25, 1.5])),
    }


def tell_job(story: Any, number: int, path: dict[str, Any]) -> list[Any]:
    """The events of one job, in the order in which they happen."""
    now = float(path["submitted"])
    events = [story.accepted(number, now)]
    for deferral in range(1, path["deferrals"] + 1):
        now += 100
        deferred = story.deferred(number, now, now + 90, deferrals=deferral, promised_g=deferral)
        events.append(deferred)
    counters = {"deferrals": path["deferrals"], "promised_g": 1.0}
    if path["end"] == "expired":
        return [*events, story.expired(number, now + 10, **counters)]
    for attempt in range(1, path["failures"] + 1):
        begun, ended = now + 20, now + 150
        events += [
            story.released(number, now + 10, attempts=attempt - 1, **counters),
            story.started(number, begun, attempt),
            story.failed(number, begun, ended, attempt=attempt, energy_kwh=path["energy"]),
            story.retried(number, ended + 1, attempt, ended + 2),
        ]
        now = ended + 5
    return events + _tell_end(story, number, path, now, counters)


def _tell_end(
    story: Any, number: int, path: dict[str, Any], now: float, counters: dict[str, Any]
) -> list[Any]:
    attempt, begun, ended = path["failures"] + 1, now + 20, now + 200
    events = [
        story.released(number, now + 10, attempts=attempt - 1, **counters),
        story.started(number, begun, attempt),
    ]
    energy = {"attempt": attempt, "energy_kwh": path["energy"]}
    if path["end"] == "died":
        events += [
            story.failed(number, begun, ended, **energy),
            story.died(number, ended + 1, attempt),
        ]
    if path["end"] in {"succeeded", "twice"}:
        events.append(story.succeeded(number, begun, ended, **energy))
    if path["end"] == "twice":  # redelivered to another pool, which ran it again
        events += [
            story.started(number, ended + 20, attempt),
            story.succeeded(number, ended + 20, ended + 90, **energy),
        ]
    return events


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


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_any_order_and_repetition_ends_in_identical_tables(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], data: st.DataObject
) -> None:
    story = new_story()
    paths = data.draw(st.lists(job_path(), min_size=1, max_size=4))
    points = data.draw(grid_path())
    events = [event for number, path in enumerate(paths) for event in tell_job(story, number, path)]
    events += [story.intensity(**point) for point in points]
    events += [story.resized(5, 4), story.resized(9, 6), story.rejected(3), story.beat(1)]
    events.append(story.beat(2, running=1))
    in_order = new_ledger()
    in_order.record(*sorted(events, key=lambda event: event.at))
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    shuffled = data.draw(st.permutations(events + again))
    size = data.draw(st.integers(1, len(shuffled)))
    other = new_ledger()
    for start in range(0, len(shuffled), size):
        other.record(*shuffled[start : start + size])
    assert other.dump() == in_order.dump()


def test_every_transition_moves_a_job_forward(story: Any) -> None:
    """A new attempt or deferral raises its counter; all other steps raise the state's rank."""
    event_id = story.job_id(1)
    for before, following in TRANSITIONS.items():
        for after in following:
            failed = 1 if before in {State.RETRYING, State.DEAD} else 0
            deferrals = 1 if State.DEFERRED is after and before is not State.SUBMITTED else 0
            if before is State.PAUSED:
                continue  # its events do not exist yet
            first = positions.state_key(before, story.at(0), event_id)
            then = positions.state_key(
                after, story.at(1), event_id, failed=failed, deferrals=deferrals
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

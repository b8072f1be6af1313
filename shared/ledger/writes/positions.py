"""Ranks: which of two events says more about a job, whatever the order of their arrival.

A rank is text of fixed width whose greatest value wins. The state's rank follows the transition
table: a state without a way out beats everything; else the number of failed attempts decides,
then whether the attempt that follows them ended, then its piece and the phase of that, then the
number of deferrals, then the state, then the time.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain.jobs import TRANSITIONS, State
from shared.ledger.instants import to_microseconds
from shared.messages import Event, JobProgressed

_STATES = tuple(State)
_PHASES = {
    State.SUBMITTED: 0,
    State.DEFERRED: 0,
    State.READY: 0,
    State.RUNNING: 1,
    State.PAUSED: 1,
    State.RETRYING: 2,
    State.DEAD: 2,
}
_ENDED = frozenset({State.RETRYING, State.DEAD})
_STEPS = {
    state: (state in _ENDED, phase, _STATES.index(state))
    for state, phase in _PHASES.items()
    if TRANSITIONS[state]
}
"""Of each state with a way out: whether an attempt ended with it, its phase, and its number."""
_LAST_WORDS = (State.EXPIRED, State.CANCELLED, State.SUCCEEDED)
_OUTCOMES = (None, "cancelled", "paused", "failed", "succeeded")
_BEYOND = 10**18
_COUNTER_DIGITS = 6
_NOBODY = UUID(int=0)
_ALL_BUT_8_DIGITS = 4 * (32 - 8)
"""Bits of an id behind its first eight hex digits."""


def witness(event: Event) -> UUID:
    """Whose word it is that a piece runs, and where.

    Of words on progress only the last is kept, so the others may leave no trace: all of them
    stand back behind the piece's start.
    """
    return _NOBODY if isinstance(event, JobProgressed) else event.id


def state_key(
    state: State,
    at: datetime,
    event_id: UUID,
    *,
    failed: int = 0,
    piece: int = 1,
    deferrals: int = 0,
) -> str:
    """The rank of a job's state.

    Args:
        state: the state that an event brings a job to.
        at: when.
        event_id: of the event.
        failed: attempts that had failed before.
        piece: that runs, or runs next; an attempt's end counts above all its pieces.
        deferrals: deferrals until then.
    """
    steps = _STEPS.get(state)
    if steps is None:
        return f"1{_LAST_WORDS.index(state)}{first(at, event_id)}"
    ended, phase, number = steps
    counters = f"{max(failed, 0):06d}{ended:d}{piece:06d}{phase}{deferrals:06d}"
    return f"0{counters}{number:02d}{last(at, event_id)}"


def sequence(attempts: int, deferrals: int, state: State) -> int:
    """The place of a decision among those of its job."""
    return attempts * 10**8 + deferrals * 10**2 + _STATES.index(state)


def decision_key(place: int, at: datetime, event_id: UUID) -> str:
    """The rank of a decision: the last one wins."""
    return f"1{place:018d}{last(at, event_id)}"


def released_at_us(rank: str) -> int | None:
    """When the last decision was made (microseconds since 1970), if it was a release.

    Args:
        rank: a `decision_key`, or a `run_key`, which is of no decision.
    """
    is_release = rank[0] == "1" and int(rank[17:19]) == _STATES.index(State.READY)
    return int(rank[19:38]) if is_release else None


def run_key(attempt: int, at: datetime, event_id: UUID) -> str:
    """The rank of an attempt as a witness of a job's region: below every decision."""
    return f"0{attempt:018d}{last(at, event_id)}"


def first_decision_key(place: int, at: datetime, event_id: UUID) -> str:
    """The rank of a decision where the first one wins."""
    return f"{_BEYOND - place:019d}{first(at, event_id)}"


def failure_key(attempt: int, at: datetime, event_id: UUID, *, died: bool) -> str:
    """The rank of a failure: the last attempt's, and death's own words above it."""
    return f"{attempt:06d}{died:d}{last(at, event_id)}"


def progress_key(attempt: int, piece: int, at: datetime, event_id: UUID) -> str:
    """The rank of a handler's word on how far it is: the last piece's last one wins."""
    return f"{attempt:06d}{piece:06d}{last(at, event_id)}"


def replay_key(attempts: int, at: datetime, event_id: UUID) -> str:
    """The rank of a replay: the last one wins."""
    return f"{attempts:0{_COUNTER_DIGITS}d}{last(at, event_id)}"


def failed_before(rank: str) -> int:
    """How many attempts of a job had failed before its replay.

    Args:
        rank: a `replay_key`.
    """
    return int(rank[:_COUNTER_DIGITS])


def piece_key(outcome: str | None, at: datetime, event_id: UUID) -> str:
    """The rank of what became of a piece of an attempt.

    The first success wins, else the first failure and so on, so that a redelivered message
    changes nothing; of starts alone the last wins, for that one is running.
    """
    if outcome is None:
        return f"0{last(at, event_id)}"
    return f"{_OUTCOMES.index(outcome)}{first(at, event_id)}"


def last(at: datetime, event_id: UUID) -> str:
    """Text that is greatest for the latest event."""
    return f"{to_microseconds(at):019d}{event_id.int >> _ALL_BUT_8_DIGITS:08x}"


def first(at: datetime, event_id: UUID) -> str:
    """Text that is greatest for the earliest event."""
    return f"{_BEYOND - to_microseconds(at):019d}{event_id.int >> _ALL_BUT_8_DIGITS:08x}"


def told_at(reading_key: str) -> datetime:
    """When the update was told that a reading was taken from: the rung, then `last`."""
    microseconds = int(reading_key[1:20])
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)

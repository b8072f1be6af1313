"""What each event says about its job: claims of a rank, of which the greatest wins."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.domain.jobs import State
from shared.ledger.writes import positions
from shared.messages import (
    Attempted,
    Decided,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobEvent,
    JobExpired,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobReleased,
    JobReplayed,
    JobRetried,
    JobStarted,
    JobSucceeded,
)

LONGEST_ERROR = 500
"""Characters that a job's row and an index hold of its last error; its attempt has it whole."""
_ENDS = frozenset({State.DEAD, State.EXPIRED, State.CANCELLED})


class Claim(NamedTuple):
    """Values for a group of columns, with their rank."""

    group: str
    key: str
    values: Mapping[str, Any]


class Said(NamedTuple):
    """All that one event says about its job."""

    claims: tuple[Claim, ...] = ()
    attempts: int = 0
    deferrals: int = 0
    started_at: datetime | None = None


def said_by(event: JobEvent) -> Said:
    """What an event says about its job."""
    if isinstance(event, JobAccepted):
        return _accepted(event)
    if isinstance(event, Decided):
        return _decided(event)
    if isinstance(event, Attempted):
        return _attempted(event)
    if isinstance(event, JobRetried | JobDied):
        return _given_back(event)
    if isinstance(event, JobCancelled):
        return _cancelled(event)
    return _replayed(event) if isinstance(event, JobReplayed) else Said()


def outcome_of(event: Decided) -> State:
    """The state that a decision brings its job to."""
    if isinstance(event, JobReleased):
        return State.READY
    return State.EXPIRED if isinstance(event, JobExpired) else State.DEFERRED


def _accepted(event: JobAccepted) -> Said:
    job = event.job
    values = {
        "type": job.type,
        "regions": json.dumps(job.regions) if len(job.regions) > 1 else None,
        "priority": job.priority.value,
        "max_band": job.max_band.value,
        "submitted_at": job.submitted_at,
        "deadline": job.deadline,
        "expected_duration_seconds": job.expected_duration_seconds,
        "declared_energy_kwh": job.expected_energy_kwh(),
        "interruptible": job.interruptible,
    }
    accepted = Claim("accepted", positions.first(event.at, event.id), values)
    state = _state(event, State.SUBMITTED, failed=job.attempts, deferrals=job.deferrals)
    return Said((accepted, state), job.attempts, job.deferrals)


def _decided(event: Decided) -> Said:
    outcome = outcome_of(event)
    place = positions.sequence(event.attempts, event.deferrals, outcome)
    key = positions.decision_key(place, event.at, event.id)
    released = event if isinstance(event, JobReleased) else None
    decision = {
        "region": released.region if released else event.numbers.region,
        "lane": released.lane.value if released else None,
        "expected_g_per_kwh": event.numbers.expected_g_per_kwh,
    }
    first = positions.first_decision_key(place, event.at, event.id)
    claims = [
        Claim("decision", key, decision),
        Claim("promised", first, {"promised_g": event.promised_g}),
        _state(event, outcome, failed=event.attempts, piece=event.piece, deferrals=event.deferrals),
    ]
    if isinstance(event, JobDeferred):
        claims.append(Claim("planned", key, {"planned_at": event.planned_at}))
    return Said(tuple(claims), event.attempts, event.deferrals)


def _attempted(event: Attempted) -> Said:
    told_at = event.started_at if isinstance(event, JobProgressed) else event.at
    claims = [_ran_in(event.region, event.attempt, told_at, positions.witness(event))]
    if isinstance(event, JobStarted | JobProgressed):
        claims.append(_running(event))
    if isinstance(event, JobProgressed):
        claims.append(_progress(event))
    if isinstance(event, JobPaused):
        claims.append(_state(event, State.PAUSED, failed=event.attempt - 1, piece=event.piece))
    if isinstance(event, JobSucceeded):
        claims.append(_succeeded(event))
    if isinstance(event, JobFailed):
        claims.append(_failure(event, died=False))
    return Said(tuple(claims), event.attempt, started_at=event.started_at)


def _ran_in(region: str, attempt: int, at: datetime, witness: UUID) -> Claim:
    """Where a job ran, for as long as no decision about it is known."""
    values = {"region": region, "lane": None, "expected_g_per_kwh": None}
    return Claim("decision", positions.run_key(attempt, at, witness), values)


def _running(event: JobStarted | JobProgressed) -> Claim:
    """It runs since its start, whichever of the two events tells of it first."""
    return _state_since(
        event.started_at, event, State.RUNNING, failed=event.attempt - 1, piece=event.piece
    )


def _progress(event: JobProgressed) -> Claim:
    values = {
        "progress_attempt": event.attempt,
        "progress_fraction": event.fraction,
        "progress_message": event.message,
        "progress_at": event.at,
    }
    key = positions.progress_key(event.attempt, event.piece, event.at, event.id)
    return Claim("progress", key, values)


def _succeeded(event: JobSucceeded) -> Claim:
    values = {
        "state": State.SUCCEEDED.value,
        "state_at": event.at,
        "piece": event.piece,
        "finished_at": event.finished_at,
        "result": None if event.result is None else json.dumps(event.result),
    }
    key = positions.state_key(State.SUCCEEDED, event.finished_at, event.id)
    return Claim("state", key, values)


def _cancelled(event: JobCancelled) -> Said:
    """The one that came first counts: the scheduler and a worker may both meet the job."""
    values = {"cancelled_by": event.by, "cancel_reason": event.reason}
    claims = [
        Claim("cancelled", positions.first(event.at, event.id), values),
        _state(event, State.CANCELLED, failed=0, piece=event.piece or 1),
    ]
    if event.attempt is None:
        return Said(tuple(claims))
    if event.region is not None:
        claims.append(_ran_in(event.region, event.attempt, event.at, event.id))
    return Said(tuple(claims), event.attempt, started_at=event.started_at)


def _replayed(event: JobReplayed) -> Said:
    key = positions.replay_key(event.attempts, event.at, event.id)
    values = {"replayed_at": event.at, "replayed_deadline": event.deadline}
    state = _state(event, State.SUBMITTED, failed=event.attempts)
    return Said((Claim("replayed", key, values), state), event.attempts)


def _given_back(event: JobRetried | JobDied) -> Said:
    failed = event.attempt - 1
    if isinstance(event, JobRetried):
        return Said((_state(event, State.RETRYING, failed=failed),), event.attempt)
    state = _state(event, State.DEAD, failed=failed)
    return Said((state, _failure(event, died=True)), event.attempt)


def _failure(event: JobFailed | JobDied, *, died: bool) -> Claim:
    key = positions.failure_key(event.attempt, event.at, event.id, died=died)
    return Claim("failure", key, {"error": event.error[:LONGEST_ERROR]})


def _state(
    event: JobEvent, state: State, *, failed: int, piece: int = 1, deferrals: int = 0
) -> Claim:
    return _state_since(event.at, event, state, failed=failed, piece=piece, deferrals=deferrals)


def _state_since(
    at: datetime,
    event: JobEvent,
    state: State,
    *,
    failed: int,
    piece: int = 1,
    deferrals: int = 0,
) -> Claim:
    key = positions.state_key(
        state, at, positions.witness(event), failed=failed, piece=piece, deferrals=deferrals
    )
    values = {
        "state": state.value,
        "state_at": at,
        "piece": piece,
        "finished_at": at if state in _ENDS else None,
        "result": None,
    }
    return Claim("state", key, values)

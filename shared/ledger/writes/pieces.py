"""The rows of `attempts`: where, when and with what energy each piece of an attempt ran."""

from datetime import datetime

from shared.ledger.shape import Row
from shared.ledger.writes import positions
from shared.messages import (
    Attempted,
    Finished,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobPaused,
    JobSucceeded,
)


def piece_of(event: JobEvent) -> Row | None:
    """The row of an event that tells of a piece of an attempt; None of any other."""
    if isinstance(event, Attempted):
        return _told(event, event.started_at)
    if isinstance(event, JobCancelled) and event.attempt is not None:
        return _told(event, event.started_at or event.at)
    return None


def outcome_of(event: Attempted | JobCancelled) -> str | None:
    """What became of a piece; None while it runs."""
    match event:
        case JobSucceeded():
            return "succeeded"
        case JobFailed():
            return "failed"
        case JobPaused():
            return "paused"
        case JobCancelled():
            return "cancelled"
    return None


def _told(event: Attempted | JobCancelled, started_at: datetime) -> Row:
    outcome = outcome_of(event)
    over = event if isinstance(event, Finished | JobCancelled) else None
    finished_at = None if over is None else over.finished_at or over.at
    failed = event if isinstance(event, JobFailed) else None
    method = over.energy_method if over else None
    return {
        "job_id": event.job_id,
        "attempt": event.attempt,
        "piece": event.piece or 1,
        "key": positions.piece_key(outcome, finished_at or started_at, positions.witness(event)),
        "pool": event.pool or "",
        "region": event.region or "",
        "started_at": started_at,
        "finished_at": finished_at,
        "outcome": outcome,
        "energy_kwh": over.energy_kwh if over else None,
        "energy_method": method.value if method else None,
        "remaining_seconds": event.remaining_seconds if isinstance(event, JobPaused) else None,
        "reason": event.reason if isinstance(event, JobPaused | JobCancelled) else None,
        "error": failed.error if failed else None,
        "traceback": failed.traceback if failed else None,
    }

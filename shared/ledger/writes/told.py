"""Events made ready to be recorded: all that can be said of them before the database is asked.

This is the longer half of the work, done before the transaction that others wait for begins.
"""

from dataclasses import dataclass
from uuid import UUID

from shared.ledger.decided import decision_row, stored_event
from shared.ledger.shape import Row
from shared.ledger.writes.claims import Said, said_by
from shared.ledger.writes.pieces import piece_of
from shared.messages import (
    AnyEvent,
    Decided,
    JobEvent,
    JobProgressed,
    ServiceBeat,
    TimetableUpdated,
    message_name,
)

ONLY_THE_LATEST = (JobProgressed, ServiceBeat, TimetableUpdated)
"""Events that tell how things are: of each kind the next one replaces the last."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event, with the rows that follow from it alone.

    Attributes:
        job_id: of the job that it mentions.
        row: of `events`, less its place; None of one of which only the latest is kept.
        decision: of `decisions`, less its place.
        said: what it says about its job.
        piece: of `attempts`.
    """

    event: AnyEvent
    job_id: UUID | None
    row: Row | None
    decision: Row | None = None
    said: Said | None = None
    piece: Row | None = None


def tell(event: AnyEvent) -> Told:
    """Make an event ready."""
    job_id: UUID | None = getattr(event, "job_id", None)
    row = None if isinstance(event, ONLY_THE_LATEST) else _row(event, job_id)
    if not isinstance(event, JobEvent):
        return Told(event, job_id, row)
    decision = decision_row(event) if isinstance(event, Decided) else None
    return Told(event, job_id, row, decision, said_by(event), piece_of(event))


def _row(event: AnyEvent, job_id: UUID | None) -> Row:
    return {
        "id": event.id,
        "type": message_name(event),
        "job_id": job_id,
        "at": event.at,
        "body": stored_event(event),
    }

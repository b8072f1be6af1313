"""What has been pruned: kept in the audit, and heeded when something is told late."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from shared.ledger.tables import AnyRow, audit, jobs
from shared.ledger.upsert import among, upsert
from shared.messages import AnyEvent, JobEvent

PRUNE = "prune"
"""The audit's action of a prune; such entries are never pruned themselves."""
_SCOPE = re.compile(r"jobs that ended before (\S+?)(?:, readings before (\S+))?")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How far back the ledger goes.

    Attributes:
        jobs_before: jobs that ended earlier are gone, with all that was told of them.
        readings_before: earlier readings are gone; None where none are.
    """

    jobs_before: datetime
    readings_before: datetime | None = None

    @property
    def scope(self) -> str:
        """The same in the audit's words."""
        words = f"jobs that ended before {self.jobs_before.isoformat()}"
        if self.readings_before is None:
            return words
        return f"{words}, readings before {self.readings_before.isoformat()}"

    @classmethod
    def of_scope(cls, scope: str) -> "Pruned":
        """Read the audit's words.

        Raises:
            ValueError: they are no prune's.
        """
        match = _SCOPE.fullmatch(scope)
        if match is None:
            raise ValueError(f"{scope!r} is no scope of a prune")
        readings = None if match[2] is None else datetime.fromisoformat(match[2])
        return cls(datetime.fromisoformat(match[1]), readings)


@dataclass(frozen=True, slots=True)
class PruneNote:
    """An entry of the audit: who pruned when, and how far."""

    id: UUID
    at: datetime
    by: str
    pruned: Pruned


def pruned_so_far(connection: Connection) -> Pruned | None:
    """The limits of the last prune; a later one never has lower limits."""
    query = select(audit.c.scope).where(audit.c.job_id.is_(None), audit.c.action == PRUNE)
    scope = connection.scalar(query.order_by(audit.c.at.desc()).limit(1))
    return None if scope is None else Pruned.of_scope(scope)


def note_prune(connection: Connection, note: PruneNote) -> None:
    """Put a prune into the audit, or correct its entry."""
    row = {
        "event_id": note.id,
        "at": note.at,
        "action": PRUNE,
        "job_id": None,
        "scope": note.pruned.scope,
        "by": note.by,
    }
    upsert(connection, audit, [row])


def prune_notes(connection: Connection) -> list[PruneNote]:
    """Every prune, the first one first."""
    query = select(audit).where(audit.c.action == PRUNE).order_by(audit.c.at, audit.c.event_id)
    return [_note(row) for row in connection.execute(query)]


def pruned_jobs(
    connection: Connection, told: Sequence[AnyEvent], limit: Pruned | None
) -> set[UUID]:
    """Pruned jobs that events tell of: these would come back as new ones and count twice.

    An event that is older than the limit tells of a pruned job if its job is not in the ledger,
    unless something newer is told of that job at the same time.

    Args:
        connection: in a transaction.
        told: the events.
        limit: of the last prune.
    """
    if limit is None:
        return set()
    ids = {event.job_id for event in told if isinstance(event, JobEvent)}
    ids -= {e.job_id for e in told if isinstance(e, JobEvent) and e.at >= limit.jobs_before}
    if not ids:
        return set()
    known = select(jobs.c.id).where(among(connection, jobs.c.id, ids))
    return ids.difference(connection.scalars(known))


def _note(row: AnyRow) -> PruneNote:
    return PruneNote(row.event_id, row.at, row.by or "", Pruned.of_scope(row.scope))

"""The audit: what people asked for, and the services acted on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, select

from shared.ledger.reads.find import find_job
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow
from shared.ledger.tables import audit as audit_rows


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that was asked for and done; several services may have acted on the same.

    Attributes:
        at: when a service acted on it.
        action: `submit`, `cancel`, `run_now`, `pause`, `resume`, `eco` or `replay`.
        job_id: the job that it was about; None where it was about none.
        scope: what it reached, in words.
        by: who asked for it, as they named themselves.
    """

    at: datetime
    action: str
    job_id: UUID | None
    scope: str
    by: str | None


def audit(engine: Engine, since: datetime) -> list[AuditRow]:
    """Everything that was acted on since, in its order."""
    rows = audit_rows
    query = select(rows).where(rows.c.at >= since).order_by(rows.c.at, rows.c.event_id)
    with reading(engine) as connection:
        return [_row(row) for row in connection.execute(query)]


def audit_of_job(engine: Engine, job_id: UUID | str) -> list[AuditRow]:
    """What was asked about one job, in its order.

    Raises:
        NotFound: there is no such job.
    """
    rows = audit_rows
    with reading(engine) as connection:
        job = find_job(connection, job_id)
        query = select(rows).where(rows.c.job_id == job.id).order_by(rows.c.at, rows.c.event_id)
        return [_row(row) for row in connection.execute(query)]


def _row(row: AnyRow) -> AuditRow:
    return AuditRow(row.at, row.action, row.job_id, row.scope, row.by)

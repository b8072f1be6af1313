"""What the page Job shows."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.data.source import Known, kept, known, ledger
from dashboard.trail import Trail
from shared.ledger import reads
from shared.runtime import system_clock


@dataclass(frozen=True, slots=True)
class Shown:
    """One job with everything that is known of it."""

    at: datetime
    trail: Trail


def job(url: str, job_id: str) -> Known[Shown]:
    """A job by its id, or by the beginning of its id; a problem where there is none."""
    return known("job", _job, url, job_id)


@kept(1, entries=200)
def _job(url: str, job_id: str) -> Shown:
    engine = ledger(url)
    status = reads.job_status(engine, job_id)
    trail = Trail(
        status,
        reads.decisions(engine, status.id),
        reads.attempts(engine, status.id),
        reads.audit_of_job(engine, status.id),
    )
    return Shown(system_clock(), trail)

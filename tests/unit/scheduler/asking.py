"""Jobs, and what is asked about them; the tests load this file with `runpy`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.scheduler.control import Orders
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def job(number=1, job_type="t", regions=("R", "S"), attempts=0):
    deadline = NOW + timedelta(hours=6)
    return Job(
        UUID(int=number),
        job_type,
        Priority.NORMAL,
        Band.LOW,
        NOW,
        deadline,
        300.0,
        regions,
        attempts=attempts,
    )


def asked(kind, **fields):
    return kind(id=uuid4(), at=NOW, by="ana", **fields)


def orders(*messages):
    known = Orders()
    for each in messages:
        known.take(each)
    return known

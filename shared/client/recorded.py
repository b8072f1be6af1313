"""Results from the ledger, for jobs that ended before anybody listened."""

import asyncio
from uuid import UUID

from sqlalchemy import Engine

from shared.client.results import JobResult
from shared.domain.jobs import FINAL_STATES
from shared.errors import LedgerUnreachable, NotFound
from shared.ledger.reads import job_status
from shared.ledger.schema import open_engine


class Recorded:
    """Asks one ledger, in a thread; one that does not answer knows nothing."""

    def __init__(self, ledger_url: str) -> None:
        """Prepare; it is opened when it is first asked."""
        self._url = ledger_url
        self._engine: Engine | None = None

    async def result(self, job_id: UUID) -> JobResult | None:
        """How a job ended, if the ledger knows that."""
        try:
            return await asyncio.to_thread(self._look_up, job_id)
        except (NotFound, LedgerUnreachable):
            return None

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._engine is not None:
            self._engine.dispose()

    def _look_up(self, job_id: UUID) -> JobResult | None:
        if self._engine is None:
            self._engine = open_engine(self._url)
        job = job_status(self._engine, job_id)
        if job.state not in FINAL_STATES:
            return None
        return JobResult(job.id, job.state, job.result, job.error or job.reason)

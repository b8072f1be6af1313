"""Results from the ledger, for jobs that ended before anybody listened."""

import asyncio
from contextlib import suppress
from uuid import UUID

from sqlalchemy import Engine

from shared.client.results import JobResult
from shared.domain.jobs import FINAL_STATES
from shared.errors import LedgerUnreachable, NotFound
from shared.ledger.reads import job_status
from shared.ledger.schema import open_engine

LOOK_UP_SECONDS = 2.0


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


async def end_of(
    job_id: UUID, ended: asyncio.Future[JobResult], recorded: Recorded | None
) -> JobResult:
    """A job's end from the events, or from the ledger if there is one."""
    while recorded is not None and not ended.done():
        known = await recorded.result(job_id)
        if known is not None:
            return known
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await asyncio.shield(ended)
    return await ended

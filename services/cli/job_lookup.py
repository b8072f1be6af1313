"""Finding the job that a user means, by its id or the beginning of it."""

import asyncio
from uuid import UUID

from services.cli.settings import Places
from shared.errors import LedgerUnreachable, NotFound
from shared.ledger.reads import JobStatus, job_status
from shared.ledger.schema import open_engine

LOOK_UPS = 10
LOOK_UP_SECONDS = 0.3
"""The ledger hears of a job a moment after the scheduler."""


async def look_up(places: Places, wanted: str) -> JobStatus | UUID:
    """The job, or its id alone where there is no ledger to ask.

    Raises:
        NotFound: the ledger knows no such job, or more than one.
        LedgerUnreachable: there is no ledger, and an id that is not whole.
    """
    try:
        engine = open_engine(places.ledger_url)
    except LedgerUnreachable as error:
        try:
            return UUID(wanted)
        except ValueError:
            raise error from None
    try:
        for _ in range(LOOK_UPS):
            try:
                return job_status(engine, wanted)
            except NotFound:
                await asyncio.sleep(LOOK_UP_SECONDS)
        return job_status(engine, wanted)
    finally:
        engine.dispose()

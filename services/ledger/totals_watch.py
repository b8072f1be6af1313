"""Asks the database for its sums now and then, for the metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine

from services.ledger.metrics import LedgerMetrics
from shared.errors import LedgerUnreachable
from shared.ledger.reads.totals import totals
from shared.tasks import end

APART_SECONDS = 300.0
"""The sums go over every job: four seconds for a million of them in SQLite on a busy machine."""


@asynccontextmanager
async def watching_totals(engine: Engine, metrics: LedgerMetrics) -> AsyncIterator[None]:
    """Keep the metrics' emissions up to date while the block runs."""
    task = asyncio.create_task(_sum_for_ever(engine, metrics))
    try:
        yield
    finally:
        await end(task)


async def _sum_for_ever(engine: Engine, metrics: LedgerMetrics) -> None:
    while True:
        with suppress(LedgerUnreachable):  # the recorder says so; the next time tells the sums
            metrics.summed(await asyncio.to_thread(totals, engine))
        await asyncio.sleep(APART_SECONDS)

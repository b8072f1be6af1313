"""Ending tasks for certain."""

import asyncio
from typing import Any

CANCEL_AGAIN_SECONDS = 1.0


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks until they have ended, whatever they end with.

    Once is not always enough: a library that waits with `asyncio.wait_for` may swallow a
    cancellation that arrives in the same moment as its answer (Python 3.11), and the task goes on.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains that nobody did

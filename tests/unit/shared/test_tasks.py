"""Ending a task that swallows its first cancellation."""

import asyncio
from contextlib import suppress

from shared.tasks import end


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again():
    swallowed = []

    async def stubborn():
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed.append(True)
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task)
    assert (task.cancelled(), swallowed) == (True, [True])


async def test_what_a_task_ends_with_is_not_raised():
    async def broken():
        raise ValueError("gone")

    task = asyncio.create_task(broken())
    await asyncio.wait({task})
    await end(task)
    assert isinstance(task.exception(), ValueError)

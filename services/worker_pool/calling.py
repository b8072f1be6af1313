"""Calls a handler and says how it ended; used in threads, on the event loop and in children."""

from collections.abc import Mapping
from typing import Any

from services.worker_pool.containment import async_contained, contained
from services.worker_pool.endings import Ending, Returned, ending_of
from shared.handlers import Handler, JobContext, Paused, small_json
from shared.handlers.exceptions import UNSET


def call(handler: Handler, payload: Mapping[str, Any], context: JobContext) -> Ending:
    """Run a plain handler to its end."""
    try:
        result = contained(handler.function, handler.arguments(payload, context))
        return Returned(small_json(result, "result"))
    except Exception as error:  # noqa: BLE001 - a handler may raise anything
        return _ending(error, context)


async def call_async(handler: Handler, payload: Mapping[str, Any], context: JobContext) -> Ending:
    """Run an async handler to its end; a cancellation that we asked for goes on."""
    try:
        result = await async_contained(handler.function, handler.arguments(payload, context))
        return Returned(small_json(result, "result"))
    except Exception as error:  # noqa: BLE001 - a handler may raise anything
        return _ending(error, context)


def _ending(error: Exception, context: JobContext) -> Ending:
    if isinstance(error, Paused) and error.state is not UNSET:
        try:
            context.checkpoint(error.state)
        except ValueError as bad_state:
            return ending_of(bad_state)
    return ending_of(error)

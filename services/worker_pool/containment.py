"""Handlers may do anything; only their own attempt must end by it."""

import asyncio
from collections.abc import Callable
from typing import Any


class HandlerQuitError(Exception):
    """A handler tried to end the process, or cancelled itself."""


def contained(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - users' results
    """Call a handler; `sys.exit()` and the like must not end the worker.

    Raises:
        HandlerQuitError: it tried to.
    """
    try:
        return function(*arguments)
    except Exception:
        raise
    except BaseException as error:
        raise HandlerQuitError(f"{type(error).__name__}: {error}") from error


async def async_contained(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - users' results
    """The same for an async handler; a cancellation that we asked for goes on."""
    try:
        return await function(*arguments)
    except Exception:
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise HandlerQuitError("the handler cancelled itself") from error
    except BaseException as error:
        raise HandlerQuitError(f"{type(error).__name__}: {error}") from error

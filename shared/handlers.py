"""What a user's handlers module is written with: mark a function, and a worker pool runs it.

    from shared.handlers import JobContext, handler

    @handler("ml_training")
    async def train(payload, context: JobContext): ...

A plain `def` runs in a thread, an `async def` on the event loop. Handlers are run at least once:
make their effects idempotent by `context.job_id`.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any, TypeVar
from uuid import UUID

import structlog

from shared.errors import ConfigurationError

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__carbon_aware_job_type__"


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a handler may know of the run that it is in.

    Attributes:
        attempt: 1 for the first run.
        log: a structlog logger with the job's id and attempt bound.
    """

    job_id: UUID
    type: str
    attempt: int
    region: str
    deadline: datetime
    log: structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered handler."""

    type: str
    function: Callable[..., Any]
    takes_context: bool

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop instead of in a thread."""
        return inspect.iscoroutinefunction(self.function)


def handler(job_type: str) -> Callable[[Function], Function]:
    """Mark a function as the handler of a job type; it takes (payload) or (payload, context)."""

    def mark(function: Function) -> Function:
        setattr(function, _MARK, job_type)
        return function

    return mark


def load_handlers(module_name: str) -> Mapping[str, Handler]:
    """Import a handlers module and collect its marked functions by job type.

    Raises:
        ConfigurationError: it cannot be imported, has no handler, or two for one type.
    """
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ConfigurationError(
            f"HANDLERS: the module {module_name!r} cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    found: dict[str, Handler] = {}
    for each in _marked(module):
        if each.type in found:
            raise ConfigurationError(f"HANDLERS: {module_name} has two handlers for {each.type!r}")
        found[each.type] = each
    if not found:
        raise ConfigurationError(
            f"HANDLERS: {module_name} has no handler; mark a function with @handler('type')"
        )
    return found


def _marked(module: ModuleType) -> list[Handler]:
    functions = {id(value): value for value in vars(module).values() if hasattr(value, _MARK)}
    return [_handler(function, module.__name__) for function in functions.values()]


def _handler(function: Callable[..., Any], module_name: str) -> Handler:
    job_type = getattr(function, _MARK)
    count = len(inspect.signature(function).parameters)
    if count not in {1, 2}:
        raise ConfigurationError(
            f"HANDLERS: {module_name}.{function.__name__} must take (payload) or "
            f"(payload, context), not {count} parameters"
        )
    return Handler(job_type, function, takes_context=count == 2)

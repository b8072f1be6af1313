"""Marking functions as handlers, and collecting the marked ones of a module."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any, TypeVar

from pydantic import TypeAdapter

from shared.errors import ConfigurationError
from shared.handlers.energy import Accelerators, EnergyUse, Watts
from shared.handlers.payloads import payload_adapter, validated

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__carbon_aware_handler__"


@dataclass(frozen=True, slots=True)
class Options:
    """What a handler was marked with."""

    type: str
    timeout_seconds: float | None
    most_retries: int | None
    energy: EnergyUse | None
    process: bool


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered handler.

    Attributes:
        timeout_seconds: limit of one run for jobs that bring none.
        most_retries: a ceiling under what a job asks for.
        energy: what it declares for jobs that declare nothing.
        process: whether it runs in a process of its own.
    """

    type: str
    function: Callable[..., Any]
    takes_context: bool
    timeout_seconds: float | None = None
    most_retries: int | None = None
    energy: EnergyUse | None = None
    process: bool = False
    _adapter: TypeAdapter[Any] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_adapter", payload_adapter(self.function))

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop instead of in a thread."""
        return inspect.iscoroutinefunction(self.function)

    def arguments(self, payload: Mapping[str, Any], context: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a JobContext
        """What to call the function with, the payload validated.

        Raises:
            PayloadError: the payload does not fit; the one line names the field.
        """
        first = validated(self._adapter, payload)
        return (first, context) if self.takes_context else (first,)


def handler(
    job_type: str,
    *,
    timeout: float | timedelta | None = None,
    retries: int | None = None,
    energy: EnergyUse | None = None,
    process: bool = False,
) -> Callable[[Function], Function]:
    """Mark a function as the handler of a job type; it takes (payload) or (payload, context).

    Args:
        job_type: the type of the jobs that it runs.
        timeout: limit of one run in seconds, for jobs that bring no `timeout_seconds`. A process
            is killed and an `async def` cancelled; a thread can only be asked by `should_stop`,
            and keeps its place until it ends.
        retries: at most so many, however many a job asks for. A job always carries a count by the
            time it gets here, so a default belongs into the job catalogue; this is the handler's
            own ceiling: 0 for what must never be tried twice.
        energy: `Watts(250)`, `Accelerators(300)` beside the CPU, or a function of
            (payload, seconds) that gives kWh, for jobs that declare nothing.
        process: run a plain `def` in a process of its own: for work on the CPU, and for what must
            end at its time limit.

    Raises:
        ConfigurationError: an option is wrong.
    """
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    _check(job_type, seconds, retries, energy)
    options = Options(job_type, seconds, retries, energy, process)

    def mark(function: Function) -> Function:
        if process and inspect.iscoroutinefunction(function):
            raise ConfigurationError(
                f"handler {job_type!r}: process=True takes a plain def, not an async def"
            )
        setattr(function, _MARK, options)
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


def as_handler(function: Callable[..., Any], options: Options | None = None) -> Handler:
    """The handler that a marked function is.

    Raises:
        ConfigurationError: it is not marked, takes other parameters, or a payload of no known type.
    """
    chosen = options or getattr(function, _MARK, None)
    name = f"{function.__module__}.{function.__name__}"
    if chosen is None:
        raise ConfigurationError(f"{name} is no handler; mark it with @handler('type')")
    count = len(inspect.signature(function).parameters)
    if count not in {1, 2}:
        raise ConfigurationError(
            f"HANDLERS: {name} must take (payload) or (payload, context), not {count} parameters"
        )
    try:
        return Handler(
            chosen.type,
            function,
            takes_context=count == 2,
            timeout_seconds=chosen.timeout_seconds,
            most_retries=chosen.most_retries,
            energy=chosen.energy,
            process=chosen.process,
        )
    except TypeError as error:
        raise ConfigurationError(f"HANDLERS: {' '.join(str(error).split())}") from error


def _marked(module: ModuleType) -> list[Handler]:
    functions = {id(value): value for value in vars(module).values() if hasattr(value, _MARK)}
    return [as_handler(function) for function in functions.values()]


def _check(
    job_type: str, seconds: float | None, retries: int | None, energy: EnergyUse | None
) -> None:
    name = f"handler {job_type!r}"
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name}: timeout is {seconds}, not a time in seconds")
    if retries is not None and not 0 <= retries <= 100:
        raise ConfigurationError(f"{name}: retries is {retries}, not from 0 to 100")
    if energy is not None and not (isinstance(energy, Watts | Accelerators) or callable(energy)):
        raise ConfigurationError(
            f"{name}: energy is {energy!r}; use Watts(...), Accelerators(...) or a function of "
            "(payload, seconds) that gives kWh"
        )

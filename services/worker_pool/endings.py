"""How a run of a handler can end; plain data, so that it also crosses from a child process."""

import traceback
from dataclasses import dataclass
from typing import Any, Literal

from services.worker_pool.containment import HandlerQuitError
from shared.handlers import Paused, PayloadError, Reject, Retry

LONGEST_ERROR = 500
LONGEST_TRACEBACK = 8_000


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned; its result is small JSON."""

    result: Any = None
    kind: Literal["returned"] = "returned"


@dataclass(frozen=True, slots=True)
class Broke:
    """The handler raised, or its process died."""

    error: str
    traceback: str | None = None
    kind: Literal["broke"] = "broke"


@dataclass(frozen=True, slots=True)
class Refused:
    """The payload does not fit, or the handler gave the job up: trying again cannot help."""

    reason: str
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The handler raised `Retry`."""

    reason: str
    after_seconds: float | None
    counts: bool
    kind: Literal["asked_again"] = "asked_again"


@dataclass(frozen=True, slots=True)
class Yielded:
    """The handler raised `Paused`; its checkpoint was kept before."""

    kind: Literal["yielded"] = "yielded"


@dataclass(frozen=True, slots=True)
class Cut:
    """The handler was ended from outside."""

    kind: Literal["cut"] = "cut"


Ending = Returned | Broke | Refused | AskedAgain | Yielded | Cut


def ending_of(error: Exception) -> Ending:
    """What a handler's exception says."""
    match error:
        case Paused():
            return Yielded()
        case Retry():
            return AskedAgain(_words(error), error.after_seconds, error.counts)
        case Reject() | PayloadError():
            return Refused(_words(error))
        case HandlerQuitError():
            return Broke(_named(error))
    trace = "".join(traceback.format_exception(error))
    return Broke(_named(error), _sendable(trace)[-LONGEST_TRACEBACK:])


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {_words(error)}"[:LONGEST_ERROR]


def _words(error: Exception) -> str:
    """What an exception says, in a line; users' exceptions may fail even at that."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - users' code
        text = "its text cannot be read"
    return _sendable(" ".join(text.split()))[:LONGEST_ERROR]


def _sendable(text: str) -> str:
    """Text that UTF-8 can hold: file names may bring halves of characters."""
    return text.encode(errors="replace").decode()

"""What a worker and its child processes say to each other: one JSON object a line."""

import socket
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from services.worker_pool.endings import Ending
from shared.domain.savings import EnergyMethod
from shared.handlers import StopReason

LONGEST_LINE_BYTES = 4 * 1024 * 1024
"""Far above a result, a checkpoint and a traceback, which are small."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The first thing that a child hears.

    Attributes:
        path: where it finds modules, as its worker does.
        handlers: the module with the handlers; empty for none.
        commands: executables that the `command` handler may run.
    """

    path: list[str]
    handlers: str
    commands: list[str]
    kind: Literal["setup"] = "setup"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A run of a handler, as the handler's context has it."""

    job_id: UUID
    type: str
    attempt: int
    piece: int
    region: str
    deadline: datetime
    payload: dict[str, Any]
    restored: Any
    kind: Literal["assignment"] = "assignment"


@dataclass(frozen=True, slots=True)
class Stop:
    """The handler should stop."""

    reason: StopReason
    kind: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True)
class Ready:
    """A child has its handlers, or says in a line why not."""

    cpu_seconds: float
    error: str | None = None
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Progressed:
    """The handler says how far it is."""

    fraction: float | None
    message: str | None
    kind: Literal["progressed"] = "progressed"


@dataclass(frozen=True, slots=True)
class Kept:
    """The handler keeps a checkpoint."""

    state: Any
    kind: Literal["kept"] = "kept"


@dataclass(frozen=True, slots=True)
class Used:
    """The handler knows of energy that it used."""

    energy_kwh: float
    method: EnergyMethod
    kind: Literal["used"] = "used"


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over.

    Attributes:
        cpu_seconds: of the child and all that it has waited for, since it started.
    """

    ending: Annotated[Ending, Field(discriminator="kind")]
    cpu_seconds: float
    kind: Literal["ended"] = "ended"


Order = Setup | Assignment | Stop
Report = Ready | Progressed | Kept | Used | Ended
_ORDERS: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
_REPORTS: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])


def order_line(order: Order) -> bytes:
    """What a worker writes."""
    return _ORDERS.dump_json(order) + b"\n"


def read_report(line: bytes) -> Report:
    """What a worker reads."""
    return _REPORTS.validate_json(line)


class Channel:
    """The child's end; any of its threads may report."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the socket that the worker handed down."""
        self._connection = connection
        self._incoming = connection.makefile("rb")
        self._lock = Lock()

    def next_order(self) -> Order | None:
        """Wait for the worker; None once it is gone."""
        line = self._incoming.readline()
        return _ORDERS.validate_json(line) if line else None

    def report(self, report: Report) -> None:
        """Tell the worker."""
        line = _REPORTS.dump_json(report) + b"\n"
        with self._lock:
            self._connection.sendall(line)

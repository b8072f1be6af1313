"""A child process: runs one handler at a time for the worker that started it.

It leads a process group of its own, so that the worker can end it with all that it started; and
it ends itself when its worker is gone, for the broker hands its job to another one then.
"""

import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import structlog

from services.worker_pool.calling import call
from services.worker_pool.child_messages import (
    Assignment,
    Channel,
    Ended,
    Kept,
    Progressed,
    Ready,
    Setup,
    Stop,
    Used,
)
from services.worker_pool.registration import registered
from shared.domain.savings import EnergyMethod
from shared.errors import ConfigurationError
from shared.handlers import Handler, JobContext, StopSignal
from shared.logs import configure_logs
from shared.settings import Settings

log = structlog.get_logger()


class ReportingPort:
    """Sends on what a handler tells."""

    def __init__(self, channel: Channel) -> None:
        """Take the way to the worker."""
        self._channel = channel

    def progressed(self, fraction: float | None, message: str | None) -> None:
        """Send how far the handler is."""
        self._channel.report(Progressed(fraction, message))

    def kept(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Send a checkpoint."""
        self._channel.report(Kept(state))

    def used(self, energy_kwh: float, method: EnergyMethod) -> None:
        """Send energy that the handler knows of."""
        self._channel.report(Used(energy_kwh, method))


class Child:
    """Takes orders in one thread and runs handlers in the main one."""

    def __init__(self, channel: Channel, handlers: Mapping[str, Handler]) -> None:
        """Take the way to the worker and what may be run."""
        self._channel = channel
        self._handlers = handlers
        self._assigned: SimpleQueue[tuple[Assignment, StopSignal]] = SimpleQueue()
        self._signal = StopSignal()

    def serve(self) -> None:
        """Run what is assigned, until the worker is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            assignment, signal_ = self._assigned.get()
            ending = call(
                self._handlers[assignment.type],
                assignment.payload,
                self._context(assignment, signal_),
            )
            self._channel.report(Ended(ending, cpu_seconds()))

    def _listen(self) -> None:
        while (order := self._next()) is not None:
            if isinstance(order, Assignment):
                # Set here, in the order of arrival: a late stop must not reach the next run.
                self._signal = StopSignal()
                self._assigned.put((order, self._signal))
            elif isinstance(order, Stop):
                self._signal.ask(order.reason)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def _next(self) -> object:
        try:
            return self._channel.next_order()
        except OSError:
            return None

    def _context(self, assignment: Assignment, signal_: StopSignal) -> JobContext:
        return JobContext(
            assignment.job_id,
            assignment.type,
            assignment.attempt,
            assignment.region,
            assignment.deadline,
            log.bind(
                job_id=str(assignment.job_id),
                type=assignment.type,
                attempt=assignment.attempt,
                piece=assignment.piece,
            ),
            piece=assignment.piece,
            restored=assignment.restored,
            stop=signal_,
            port=ReportingPort(self._channel),
        )


def cpu_seconds() -> float:
    """Of this process and all that it has waited for."""
    usages = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> int:
    """Hear what there is to run, then serve."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    settings = Settings.load()
    configure_logs("worker_pool", settings.log_level, as_json=settings.log_json)
    setup = channel.next_order()
    if not isinstance(setup, Setup):
        return 1
    sys.path[:] = setup.path
    try:
        handlers = registered(setup.handlers, setup.commands)
    except ConfigurationError as error:
        channel.report(Ready(cpu_seconds(), str(error)))
        return error.exit_code
    channel.report(Ready(cpu_seconds()))
    Child(channel, handlers).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())

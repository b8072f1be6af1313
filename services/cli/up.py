"""`carbon-aware up`: run everything here until somebody stops it or its time is over."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import typer

from services.cli.endpoints import Endpoints
from services.cli.local_system import LocalSystem

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Running:
    """What a view of the running system may know."""

    system: LocalSystem
    started: float
    seconds: float | None

    @property
    def endpoints(self) -> Endpoints:
        """Where everything listens right now."""
        return self.system.endpoints

    @property
    def elapsed(self) -> float:
        """Seconds since everything was started."""
        return time.monotonic() - self.started


def _plain_line(running: Running) -> str:
    return f"{running.elapsed:.0f} s: {len(running.endpoints.pids)} processes run"


@dataclass(frozen=True)
class Views:
    """How a run shows itself."""

    live: Callable[[Running], Awaitable[None]] | None = None
    """Draws until it is cancelled; None where the output is no terminal."""
    plain_line: Callable[[Running], str] = _plain_line
    plain_seconds: float = 10.0
    final_statistics: Callable[[Running], Awaitable[None]] | None = None


class _Stop:
    """The first signal asks to stop, a second one not to wait any longer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._note)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _note(self) -> None:
        (self.hurry if self.asked.is_set() else self.asked).set()


async def run_up(system: LocalSystem, views: Views, seconds: float | None = None) -> int:
    """Run the system until a signal comes or the seconds are over.

    Returns:
        The exit code: 0, or 130 when it was interrupted before everything ran.

    Raises:
        CarbonAwareError: It did not start, or a part that is needed does not stay up.
    """
    stop = _Stop()
    with stop.listening():
        try:
            if not await _unless_asked(system.start(), stop):
                return INTERRUPTED
            running = Running(system, time.monotonic(), seconds)
            await _run(running, views, stop)
            if views.final_statistics is not None:
                await _unless_asked(views.final_statistics(running), stop, stop.hurry)
        finally:
            await system.stop(stop.hurry)
    return 0


async def _unless_asked(
    work: Awaitable[None], stop: _Stop, event: asyncio.Event | None = None
) -> bool:
    """Do the work unless a signal comes first; whether it was done."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future((event or stop.asked).wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    done = task.done()
    await _cancel(waiter, task)
    if done:
        task.result()
    return done


async def _run(running: Running, views: Views, stop: _Stop) -> None:
    watch = asyncio.create_task(_watch(running.system))
    view = asyncio.create_task(_view(running, views))
    asked = asyncio.create_task(_wait(stop.asked))
    await asyncio.wait({watch, asked}, timeout=running.seconds, return_when=asyncio.FIRST_COMPLETED)
    failed = watch.done()
    await _cancel(asked, view, watch)
    if failed:
        watch.result()


async def _watch(system: LocalSystem) -> None:
    try:
        await system.watch()
    except ExceptionGroup as group:  # a task group wraps even a single error
        raise group.exceptions[0] from None


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _view(running: Running, views: Views) -> None:
    if views.live is not None:
        await views.live(running)
        return
    while True:
        await asyncio.sleep(views.plain_seconds)
        with suppress(OSError):  # nobody may be reading any more
            typer.echo(views.plain_line(running))


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

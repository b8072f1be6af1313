"""Child processes for handlers: kept warm, killed with all that they started, metered.

Of the libraries, `concurrent.futures` and loky break the whole pool when one process dies; pebble
replaces it, but kills the process alone and not its group, has no way to talk with a running task,
and now and then loses a task when it cancels another (noxdafox/pebble issues 62 and 153). So the
children are plain programs here: a fresh interpreter, which is safe beside threads and an event
loop, with one socket for orders and reports.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import psutil
import structlog

from services.worker_pool.child_messages import (
    LONGEST_LINE_BYTES,
    Assignment,
    Ended,
    Kept,
    Order,
    Progressed,
    Ready,
    Report,
    Setup,
    Stop,
    Used,
    order_line,
    read_report,
)
from services.worker_pool.endings import Broke, Cut, Ending
from shared.handlers import Port, StopReason

START_SECONDS = 120.0
"""Handlers may import large libraries; what takes longer than this will never be ready."""

log = structlog.get_logger()


class Child:
    """One child process and the line to it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Watch over a process that was started."""
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[tuple[int, float]] = self._loop.create_future()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._was_killed = False
        self._cpu_at_start = 0.0
        self.cpu_seconds: float | None = None
        threading.Thread(target=self._reap, daemon=True).start()

    @classmethod
    async def start(cls, setup: Setup) -> "Child":
        """Start a child and tell it what there is to run; it loads that while we go on."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - a matter of milliseconds, our own program
                [sys.executable, "-m", "services.worker_pool.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        child = cls(process)
        try:
            child._reader, child._writer = await asyncio.open_connection(
                sock=ours, limit=LONGEST_LINE_BYTES
            )
        except BaseException:  # a cancellation too: nobody else knows of it yet
            child.kill()
            raise
        child._tell(setup)
        return child

    @property
    def pid(self) -> int:
        """Its process id, and that of the group that it leads."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another run."""
        return not (self._exited.done() or self._was_killed)

    async def ready(self) -> Ending | None:
        """Wait until it has loaded its handlers; how that failed, if it did."""
        report = await self._next()
        if isinstance(report, Ready) and report.error is None:
            self._cpu_at_start = report.cpu_seconds
            return None
        if isinstance(report, Ready):
            return Broke(f"its process cannot load the handlers: {report.error}")
        return await self._dead()

    async def run(self, assignment: Assignment, port: Port) -> Ending:
        """Run a handler; `cpu_seconds` tells afterwards what it used, if that is known."""
        self.cpu_seconds = None
        self._tell(assignment)
        while (report := await self._next()) is not None:
            if isinstance(report, Ended):
                self.cpu_seconds = report.cpu_seconds - self._cpu_at_start
                self._cpu_at_start = report.cpu_seconds
                return report.ending
            _pass_on(report, port)
        return await self._dead()

    def ask(self, reason: StopReason) -> None:
        """Ask the handler to stop."""
        if self.alive:
            self._tell(Stop(reason))

    def kill(self) -> None:
        """End it with everything in its group, whatever they do."""
        if self.alive:
            self._was_killed = True
            self.cpu_seconds = _cpu_seconds_of_tree(self.pid)
        self._kill_group()

    async def gone(self) -> None:
        """Wait until it has ended, and let go of the line."""
        await self._exited
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _tell(self, order: Order) -> None:
        self._writer.write(order_line(order))

    async def _next(self) -> Report | None:
        try:
            line = await self._reader.readline()
        except OSError:
            return None
        return read_report(line) if line.endswith(b"\n") else None

    async def _dead(self) -> Ending:
        """How it ended."""
        status, cpu_seconds = await self._exited
        known = self.cpu_seconds if self._was_killed else cpu_seconds
        self.cpu_seconds = None if known is None else max(0.0, known - self._cpu_at_start)
        if self._was_killed:
            return Cut()
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return Broke(f"its process ended by itself with exit code {code}")
        hint = "; the machine may be out of memory" if code == -signal.SIGKILL else ""
        return Broke(f"its process was ended by {signal.Signals(-code).name}{hint}")

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Wait in a thread, for only wait4 tells what a process used that was killed."""
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(
                self._note_exit, status, usage.ru_utime + usage.ru_stime
            )

    def _note_exit(self, status: int, cpu_seconds: float) -> None:
        self._kill_group()  # a process that it forked would keep the line open
        if not self._exited.done():
            self._exited.set_result((status, cpu_seconds))


class Processes:
    """The children of one worker: idle ones are used again, dead ones replaced when needed."""

    def __init__(
        self, handlers: str, commands: list[str], start_seconds: float = START_SECONDS
    ) -> None:
        """Prepare; the first child is started when it is needed, or by `warm`.

        Args:
            handlers: the module with the handlers; empty for none.
            commands: executables that the `command` handler may run.
            start_seconds: how long a child may take to load them.
        """
        self._start_seconds = start_seconds
        self._setup = Setup(list(sys.path), handlers, commands)
        self._idle: list[Child] = []
        self._all: set[Child] = set()

    async def warm(self, count: int) -> None:
        """Have so many children idle, that the first jobs need not wait for their start."""
        started = await asyncio.gather(*(self._start() for _ in range(count - len(self._idle))))
        self._idle += [child for child, failed in started if failed is None]

    async def take(self) -> tuple[Child, Ending | None]:
        """A child to run one handler in, idle or new; and how its start failed, if it did."""
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child, None
            await self._drop(child)
        return await self._start()

    async def put_back(self, child: Child) -> None:
        """Keep a child for the next run, if it still lives."""
        if child.alive:
            self._idle.append(child)
        else:
            await self._drop(child)

    async def close(self) -> None:
        """End all children."""
        await asyncio.gather(*(self._drop(child) for child in set(self._all)))
        self._idle.clear()

    async def _start(self) -> tuple[Child, Ending | None]:
        child = await Child.start(self._setup)
        self._all.add(child)
        failed: Ending | None = Broke(
            f"its process had not loaded the handlers after {self._start_seconds:g} s"
        )
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._start_seconds):
                    failed = await child.ready()
        except asyncio.CancelledError:
            child.kill()
            raise
        if failed is not None:
            await self._drop(child)
        return child, failed

    async def _drop(self, child: Child) -> None:
        self._all.discard(child)
        child.kill()
        await child.gone()


def _pass_on(report: Report, port: Port) -> None:
    match report:
        case Progressed():
            port.progressed(report.fraction, report.message)
        case Kept():
            port.kept(report.state)
        case Used():
            port.used(report.energy_kwh, report.method)


def _cpu_seconds_of_tree(pid: int) -> float | None:
    """Of a process, of what it has waited for and of its living descendants."""
    try:
        root = psutil.Process(pid)
        return sum(_cpu_seconds(each) for each in (root, *root.children(recursive=True)))
    except psutil.Error:
        return None


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times: Any = process.cpu_times()
    except psutil.Error:
        return 0.0  # it ended in between
    return float(sum(times[:4]))

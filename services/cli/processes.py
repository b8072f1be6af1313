"""Which processes are ours, and how they end: identity, marks, locks, ports.

A process id alone proves nothing, because the system reuses it. A process counts as ours only if
its id and its creation time were recorded, or if it carries the random mark that we gave to its
ancestor.
"""

import asyncio
import fcntl
import functools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from shared.errors import CarbonAwareError

MARK = "CARBON_AWARE_RUN"
"""Environment variable that every process of one run inherits."""

_MARK_LENGTH = 32
_CLOCK_TOLERANCE = 2.0  # creation times count from the boot time, which may be corrected a little
_PORTS = range(20_000, 32_000)  # below the range the system takes outgoing connections from


class AlreadyRunning(CarbonAwareError):
    """Another process holds this folder."""


@dataclass(frozen=True)
class ProcessRecord:
    """What identifies one process across runs of ours."""

    name: str
    pid: int
    create_time: float

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessRecord | None":
        """Record a process, or nothing if it is gone already."""
        try:
            return cls(name, pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def find(self) -> psutil.Process | None:
        """The very process that was recorded, if it still lives."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < _CLOCK_TOLERANCE
        except psutil.Error:
            return None
        return process if same and is_alive(process) else None


class RunRecord:
    """The file that lets the next run end what a killed one left behind."""

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self.run = run
        self._written = False

    def write(self, processes: Iterable[ProcessRecord | None]) -> None:
        """Replace the file's content."""
        known = [asdict(process) for process in processes if process is not None]
        self._written = True
        write_private_json(self._path, {"run": self.run, "processes": known})

    @staticmethod
    def read(path: Path) -> "tuple[str, list[ProcessRecord]]":
        """The run and the processes of a file; nothing if there is none that can be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            records = [ProcessRecord(**record) for record in content["processes"]]
            return str(content["run"]), records
        except (OSError, ValueError, TypeError, KeyError):
            return "", []

    def remove(self) -> None:
        """Nothing of this run is left: the next one need not look. Spares the record of another."""
        if self._written:
            self._path.unlink(missing_ok=True)


def new_run() -> str:
    """A mark that nothing else on this machine can carry by chance."""
    return secrets.token_hex(_MARK_LENGTH // 2)


def mark_of(run: str, name: str) -> str:
    """The mark of one child of the run; no other child's mark begins with it."""
    return f"{run}/{name}/"


def write_private_json(path: Path, content: Mapping[str, object]) -> None:
    """Replace a file in one step; only its owner may read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    temporary.replace(path)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie that its parent has not collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def marked(prefix: str) -> list[psutil.Process]:
    """Every living process whose mark begins with the prefix, except ourselves."""
    if len(prefix) < _MARK_LENGTH:
        raise ValueError("a mark this short would match processes of others")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(prefix) and is_alive(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # somebody else's process, or one that just ended
    return [process for process in found if process.pid != os.getpid()]


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """All processes below this one."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


async def until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Wait for a condition; False when the time is up."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(every)
    return True


async def end_all(
    leaders: Iterable[psutil.Process], mark: str, grace: float, hurry: asyncio.Event | None = None
) -> None:
    """Ask the leaders to stop, give them the grace, then kill what is left with the mark."""
    first = list(leaders)
    family = {*first, *(child for leader in first for child in descendants(leader))}
    _signal(first, psutil.Process.terminate)
    hurried = hurry.is_set if hurry is not None else lambda: False
    await until(lambda: hurried() or not any(map(is_alive, first)), grace)
    rest = [process for process in {*family, *marked(mark)} if is_alive(process)]
    _signal(rest, psutil.Process.kill)
    await until(lambda: not any(map(is_alive, rest)), 10)


def _signal(processes: Iterable[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)  # psutil refuses when the id belongs to another process by now
        except psutil.Error:
            continue


async def end_leftovers(path: Path, grace: float = 15.0) -> list[str]:
    """End what the run recorded in this file left behind; returns the names of what still ran."""
    run, records = RunRecord.read(path)
    alive = [(record.name, record.find()) for record in records]
    leaders = [(name, process) for name, process in reversed(alive) if process is not None]
    if leaders or (len(run) >= _MARK_LENGTH and marked(run)):
        await end_all([process for _, process in leaders], run, grace)
    _forget(path)
    return [name for name, _ in leaders]


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


class FolderLock:
    """At most one process at a time works in a folder; the system frees the lock when it dies."""

    def __init__(self, folder: Path, what: str) -> None:
        self._path = folder / "lock"
        self._what = what
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """Whether we have it."""
        return self._file is not None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: Another process has it.
        """
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            folder = self._path.parent
            raise AlreadyRunning(
                f"{self._what} runs in {folder} already (process {owner}): "
                "stop it first, or choose another folder with --data-dir"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; the file stays: removing it would race with its next owner."""
        if self._file is not None:
            self._file.close()
            self._file = None


@functools.cache
def _can_bind_to_parent() -> str | None:
    tool = shutil.which("setpriv") if sys.platform == "linux" else None
    if tool is None:
        return None
    asked = subprocess.run([tool, "--help"], capture_output=True, text=True, check=False)  # noqa: S603
    return tool if "--pdeathsig" in asked.stdout else None


def bound_to_parent(argv: Iterable[str]) -> list[str]:
    """Have the kernel end the command when we die, however that happens (Linux).

    `setpriv` sets this and becomes the command, so no Python runs between fork and exec. Elsewhere
    the next run ends the leftovers.
    """
    tool = _can_bind_to_parent()
    return [*([tool, "--pdeathsig", "TERM", "--"] if tool else []), *argv]


def port_is_free(port: int) -> bool:
    """Whether a listener could open this port on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A free loopback port that the system does not hand to outgoing connections."""
    avoid = set(taken)
    for port in random.sample(_PORTS, 500):
        if port not in avoid and port_is_free(port):
            return port
    raise CarbonAwareError("no free port between 20000 and 32000 on 127.0.0.1: close some programs")


def port_answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-count:]) or "(the log is empty)"

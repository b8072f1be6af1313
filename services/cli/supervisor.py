"""Starts the services in order, keeps them alive, and ends them without leaving anything behind."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from services.cli.processes import (
    MARK,
    ProcessRecord,
    RunRecord,
    bound_to_parent,
    end_all,
    last_lines,
    mark_of,
    new_run,
    until,
)
from shared.errors import CarbonAwareError

BAD_CONFIGURATION = 78  # a service that ends with this would end with it again


class ChildFailed(CarbonAwareError):
    """A service that is needed does not stay up."""


@dataclass(frozen=True)
class ChildSpec:
    """One process to keep running."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    """Children of one group stop together; groups stop in the reverse order of their start."""
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30.0
    essential: bool = True
    """Whether the rest makes no sense without it."""
    restart_on_success: bool = True
    """False for a process that may end when its work is done."""


@dataclass(frozen=True)
class Patience:
    """How the supervisor deals with children that die or will not."""

    first_pause: float = 0.5
    longest_pause: float = 10.0
    quick: float = 10.0
    """A child that lived shorter than this crashed quickly."""
    most_quick_crashes: int = 5
    grace: float = 40.0
    """Longer than a worker pool takes to finish what it runs."""


class _Child:
    def __init__(self, spec: ChildSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.quick_crashes = 0
        self.next_start: float | None = None
        self.given_up = False


class Supervisor:
    """Owns the child processes of one `up`. Use it from the main thread only."""

    def __init__(
        self,
        data_dir: Path,
        environ: Mapping[str, str],
        say: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
        patience: Patience | None = None,
    ) -> None:
        self._logs = data_dir / "logs"
        self._environ = dict(environ)
        self._say = say
        self._on_change = on_change
        self._patience = patience or Patience()
        self._run = new_run()
        self._record = RunRecord(data_dir / "processes.json", self._run)
        self._children: dict[str, _Child] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Name and process id of every child that runs."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.process is not None and child.process.poll() is None
        }

    async def start(self, spec: ChildSpec) -> None:
        """Start a child and wait until it is ready, if it can say so and the rest needs it.

        Raises:
            ChildFailed: It ended, or was not ready in time; the message has the end of its log.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        child = _Child(spec, self._logs / f"{spec.name}.log")
        if child.log.exists():
            child.log.replace(child.log.with_suffix(".log.1"))
        self._children[spec.name] = child
        self._spawn(child)
        if spec.ready is not None and spec.essential:
            await self.wait_ready(spec.name)

    async def wait_ready(self, name: str) -> None:
        """Wait for a child's own condition.

        Raises:
            ChildFailed: It ended, or was not ready in time.
        """
        child = self._children[name]
        ready = child.spec.ready or (lambda: True)
        await until(lambda: ready() or not _runs(child), child.spec.ready_seconds)
        if not _runs(child):
            raise ChildFailed(f"{name} ended while it started; {_log_end(child)}")
        if not ready():
            limit = child.spec.ready_seconds
            raise ChildFailed(f"{name} was not ready within {limit:g} s; {_log_end(child)}")

    async def watch(self, every: float = 0.2) -> None:
        """Restart what dies, for ever.

        Raises:
            ChildFailed: An essential child does not stay up.
        """
        while True:
            for child in list(self._children.values()):
                if not child.given_up and not _runs(child):
                    await self._care_for(child)
            await asyncio.sleep(every)

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """End all children, last started first; a set `hurry` skips the grace."""
        groups: dict[str, list[_Child]] = {}
        for child in self._children.values():
            groups.setdefault(child.spec.group or child.spec.name, []).append(child)
        for group in reversed(list(groups.values())):
            await asyncio.gather(*(self._end(child, hurry) for child in group))
        self._children.clear()
        self._record.remove()

    async def _care_for(self, child: _Child) -> None:
        if child.next_start is None:
            await self._note_death(child)
        elif time.monotonic() >= child.next_start:
            self._spawn(child)

    async def _note_death(self, child: _Child) -> None:
        code = child.process.returncode if child.process is not None else 0
        name = child.spec.name
        # What it started itself must not go on beside its successor.
        await end_all([], mark_of(self._run, name), 0)
        if code == 0 and not child.spec.restart_on_success:
            child.given_up = True
            self._changed()
            return
        quick = time.monotonic() - child.started < self._patience.quick
        child.quick_crashes = child.quick_crashes + 1 if quick else 0
        if code == BAD_CONFIGURATION or child.quick_crashes >= self._patience.most_quick_crashes:
            self._give_up(child, code)
            return
        pause = min(
            self._patience.first_pause * 2.0 ** max(0, child.quick_crashes - 1),
            self._patience.longest_pause,
        )
        child.next_start = time.monotonic() + pause
        self._say(f"{name} ended unexpectedly ({_cause(code)}): starting it again in {pause:g} s")
        self._changed()

    def _give_up(self, child: _Child, code: int) -> None:
        child.given_up = True
        self._changed()
        message = f"{child.spec.name} does not stay up ({_cause(code)}); {_log_end(child)}"
        if child.spec.essential:
            raise ChildFailed(message)
        self._say(f"{message}\ngoing on without {child.spec.name}")

    def _spawn(self, child: _Child) -> None:
        """Start in a session of its own, so that a terminal's Ctrl-C does not reach it."""
        mark = mark_of(self._run, child.spec.name)
        with child.log.open("ab") as output:
            child.process = subprocess.Popen(  # noqa: S603 - our own services
                bound_to_parent(child.spec.argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ | dict(child.spec.env) | {"PYTHONUNBUFFERED": "1", MARK: mark},
                start_new_session=True,
            )
        child.started = time.monotonic()
        child.next_start = None
        self._changed()

    async def _end(self, child: _Child, hurry: asyncio.Event | None) -> None:
        process = child.process
        if process is None:
            return
        leaders: Iterable[psutil.Process] = (
            [psutil.Process(process.pid)] if process.poll() is None else []
        )
        mark = mark_of(self._run, child.spec.name)
        await end_all(leaders, mark, self._patience.grace, hurry)
        process.wait()

    def _changed(self) -> None:
        self._record.write(ProcessRecord.of(name, pid) for name, pid in self.pids.items())
        self._on_change()


def _runs(child: _Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _log_end(child: _Child) -> str:
    return f"the end of {child.log}:\n{last_lines(child.log)}"

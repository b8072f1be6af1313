"""Attempts without a broker: what they publish is kept in lists."""

import asyncio
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.worker_pool.attempts import Attempts
from services.worker_pool.processes import Processes
from services.worker_pool.registration import registered
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.handlers import Handler
from shared.messages import QueuedJob

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROCESS_HANDLERS = '''
"""Handlers for child processes."""
import os
import subprocess
import sys
import time
from pathlib import Path

from pydantic import BaseModel

from shared.handlers import Paused, Reject, Retry, handler


class Square(BaseModel):
    number: int


@handler("square", process=True)
def square(payload: Square, context):
    return {"square": payload.number**2, "pid": os.getpid(), "attempt": context.attempt,
            "restored": context.restored, "piece": context.piece,
            "asked": context.should_stop}


@handler("tell", process=True)
def tell(payload, context):
    context.progress(0.25, "a quarter")
    context.checkpoint({"at": 1})
    context.record_energy_kwh(0.5)
    context.record_energy_kwh(0.25, "modelled")
    return "told"


@handler("raise", process=True)
def fail(payload):
    raise {"value": ValueError("no disk\\nleft"), "reject": Reject("not this one"),
           "retry": Retry(7, "busy"), "exit": SystemExit(3)}[payload["what"]]


@handler("spin", process=True)
def spin(payload):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        sum(range(1000))


@handler("family", process=True)
def family(payload):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["pid_file"]).write_text(str(child.pid))
    child.wait()


@handler("die", process=True)
def die(payload):
    until = time.process_time() + payload.get("cpu_seconds", 0)
    while time.process_time() < until:
        pass
    os._exit(7)


@handler("fork_and_die", process=True)
def fork_and_die(payload):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    Path(payload["pid_file"]).write_text(str(pid))
    os._exit(7)


@handler("until_asked", process=True)
def until_asked(payload, context):
    Path(payload["file"]).write_text("started")
    while not context.should_stop:
        time.sleep(0.005)
    if payload.get("finish"):
        return "finished all the same"
    raise Paused({"epoch": 4})
'''


class Out:
    """Stands where the publisher stands and keeps what it is given."""

    def __init__(self):
        self.events, self.retried, self.died, self.resumed = [], [], [], []

    async def event(self, event, **options):
        self.events.append(event)

    async def retry(self, job):
        self.retried.append(job)

    async def dead(self, job, reason, traceback=None):
        self.died.append((job, reason))

    async def resume(self, job):
        self.resumed.append(job)

    def names(self):
        return [type(event).__name__ for event in self.events]

    def one(self, kind):
        (found,) = [event for event in self.events if isinstance(event, kind)]
        return found


class Clock:
    """A clock that stands, or goes on by a step each time it is read."""

    def __init__(self, step_seconds=0.0):
        self.now, self.step = NOW, timedelta(seconds=step_seconds)

    def __call__(self):
        self.now += self.step
        return self.now


class Pool:
    """Attempts at made-up jobs, and what they published."""

    def __init__(self):
        self.out = Out()
        self.clock = Clock()
        self.options = {}

    def attempts(self, handlers):
        known = {
            name: work if isinstance(work, Handler) else Handler(name, work, takes_context=True)
            for name, work in handlers.items()
        }
        return Attempts(known, self.out, None, self.clock, lambda: 0.0, **self.options)

    async def run(self, work, queued=None):
        """Run one job of type `t`; gives what was published."""
        await self.attempts({"t": work}).run(queued or queue_up(), "pool", "R")
        return self.out


def make_job(job_type="t", **changes):
    usual = {
        "id": UUID(int=7),
        "type": job_type,
        "priority": Priority.NORMAL,
        "max_band": Band.LOW,
        "submitted_at": NOW,
        "deadline": NOW + timedelta(hours=1),
        "expected_duration_seconds": 600.0,
        "regions": ("R",),
        "retries": 1,
    }
    return Job(**{**usual, **changes})


def queue_up(job=None, **fields):
    return QueuedJob(job=job or make_job(), **fields)


@pytest.fixture
def pool():
    """Attempts without a broker."""
    return Pool()


@pytest.fixture
def job():
    """Makes a job, with changes."""
    return make_job


@pytest.fixture
def queued():
    """Makes a job on its way, with changes."""
    return queue_up


@pytest.fixture(scope="module")
def process_module(tmp_path_factory):
    """A module of handlers for child processes; its name."""
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "process_handlers_of_tests.py").write_text(textwrap.dedent(PROCESS_HANDLERS))
    sys.path.insert(0, str(folder))
    yield "process_handlers_of_tests"
    sys.path.remove(str(folder))


@pytest.fixture
async def children(process_module, pool):
    """A pool whose handlers run in child processes."""
    processes = Processes(process_module, ["/bin/sh", "/bin/echo"])
    pool.options = {"processes": processes}
    pool.handlers = registered(process_module, ["/bin/sh", "/bin/echo"])
    pool.processes = processes
    yield pool
    await processes.close()


@pytest.fixture
def until():
    """Waits for a condition with a time limit."""

    async def wait(condition, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not (value := condition()):  # noqa: ASYNC110 - any condition, not only events
                await asyncio.sleep(0.005)
        return value

    return wait

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from services.cli.processes import end_leftovers, marked, until
from services.cli.supervisor import ChildFailed, ChildSpec, Patience, Supervisor

QUICK = Patience(first_pause=0.05, longest_pause=0.1, quick=5, most_quick_crashes=3, grace=3)
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True); time.sleep(600)"
)


class Harness:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.said: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(data_dir, os.environ, self.said.append, self._changed, QUICK)

    def _changed(self) -> None:
        self.changes += 1

    def spec(self, name: str, code: str, **more: object) -> ChildSpec:
        return ChildSpec(name, (sys.executable, "-c", code), **more)  # type: ignore[arg-type]

    def logged(self, name: str, text: str = "up") -> Callable[[], bool]:
        log = self.data_dir / "logs" / f"{name}.log"
        return lambda: log.exists() and text in log.read_text()

    def alive(self) -> list[psutil.Process]:
        return marked(self.supervisor._run)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    harness = Harness(tmp_path)
    yield harness
    await harness.supervisor.stop()
    assert harness.alive() == []


async def test_starts_waits_until_ready_and_reports_the_process(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", SLEEP, ready=harness.logged("one")))
    assert psutil.Process(harness.supervisor.pids["one"]).is_running()
    assert harness.changes == 1
    assert os.getsid(harness.supervisor.pids["one"]) != os.getsid(0)


async def test_one_that_ends_while_it_starts_shows_the_end_of_its_log(harness: Harness) -> None:
    spec = harness.spec("one", "raise SystemExit('no such thing')", ready=lambda: False)
    with pytest.raises(ChildFailed, match="no such thing"):
        await harness.supervisor.start(spec)


async def test_one_that_is_not_ready_in_time_is_an_error(harness: Harness) -> None:
    spec = harness.spec("one", SLEEP, ready=lambda: False, ready_seconds=0.1)
    with pytest.raises(ChildFailed, match="not ready within"):
        await harness.supervisor.start(spec)


async def test_one_that_dies_is_started_again(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", SLEEP, ready=harness.logged("one")))
    first = harness.supervisor.pids["one"]
    watch = asyncio.create_task(harness.supervisor.watch(0.02))
    psutil.Process(first).kill()
    assert await until(lambda: harness.supervisor.pids.get("one", first) != first, 10)
    watch.cancel()
    assert "one ended unexpectedly (signal 9)" in harness.said[0]
    assert harness.changes >= 3  # start, death, start


async def test_what_a_dead_child_started_does_not_go_on(harness: Harness) -> None:
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n{SLEEP}"
    await harness.supervisor.start(harness.spec("one", code))
    assert await until(lambda: len(harness.alive()) == 2, 10)
    grandchild = next(p for p in harness.alive() if p.pid not in harness.supervisor.pids.values())
    watch = asyncio.create_task(harness.supervisor.watch(0.02))
    psutil.Process(harness.supervisor.pids["one"]).kill()
    assert await until(lambda: not psutil.pid_exists(grandchild.pid), 10)
    watch.cancel()


async def test_gives_up_on_one_that_crashes_again_and_again(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", "raise SystemExit('broken')"))
    with pytest.raises(ChildFailed, match=r"does not stay up \(exit 1\)[\s\S]*broken"):
        await asyncio.wait_for(harness.supervisor.watch(0.02), 20)
    assert len(harness.said) == QUICK.most_quick_crashes - 1


async def test_a_bad_configuration_is_not_tried_again(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", "raise SystemExit(78)"))
    with pytest.raises(ChildFailed, match="exit 78"):
        await asyncio.wait_for(harness.supervisor.watch(0.02), 20)
    assert harness.said == []


async def test_goes_on_without_what_is_not_essential(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("extra", "raise SystemExit(78)", essential=False))
    watch = asyncio.create_task(harness.supervisor.watch(0.02))
    assert await until(lambda: bool(harness.said), 10)
    assert not watch.done()
    watch.cancel()
    assert "going on without extra" in harness.said[0]


async def test_one_whose_work_is_done_may_end(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", "pass", restart_on_success=False))
    watch = asyncio.create_task(harness.supervisor.watch(0.02))
    assert await until(lambda: harness.changes == 2, 10)
    watch.cancel()
    assert harness.said == []


async def test_stops_in_the_reverse_order(harness: Harness) -> None:
    note = harness.data_dir / "order"
    code = (
        "import signal, sys, time\n"
        f"def leave(*_):\n    open({str(note)!r}, 'a').write(sys.argv[1]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave); print('up', flush=True); time.sleep(600)"
    )
    for name in "abc":
        argv = (sys.executable, "-c", code, name)
        await harness.supervisor.start(ChildSpec(name, argv, ready=harness.logged(name)))
    await harness.supervisor.stop()
    assert note.read_text() == "cba"


async def test_one_that_will_not_stop_is_killed(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", STUBBORN, ready=harness.logged("one")))
    hurry = asyncio.Event()
    hurry.set()
    async with asyncio.timeout(2):  # shorter than the grace
        await harness.supervisor.stop(hurry)
    assert harness.alive() == []


async def test_the_next_run_ends_what_a_killed_one_left(harness: Harness) -> None:
    await harness.supervisor.start(harness.spec("one", SLEEP, ready=harness.logged("one")))
    assert await end_leftovers(harness.data_dir / "processes.json") == ["one"]
    assert harness.alive() == []

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.cli import processes
from services.cli.processes import (
    MARK,
    AlreadyRunning,
    FolderLock,
    ProcessRecord,
    RunRecord,
    bound_to_parent,
    end_leftovers,
    free_port,
    is_alive,
    mark_of,
    marked,
    new_run,
    port_is_free,
    until,
    write_private_json,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleeper() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    run = new_run()
    child = subprocess.Popen(SLEEP, env={**os.environ, MARK: mark_of(run, "sleeper")})
    yield run, child
    child.kill()
    child.wait()


async def test_leftovers_of_a_killed_run_are_ended(
    tmp_path: Path, sleeper: tuple[str, subprocess.Popen[bytes]]
) -> None:
    run, child = sleeper
    path = tmp_path / "processes.json"
    RunRecord(path, run).write([ProcessRecord.of("sleeper", child.pid)])
    assert await end_leftovers(path) == ["sleeper"]
    assert child.wait(5) != 0
    assert not path.exists()


async def test_a_leftover_is_found_by_its_mark_when_its_leader_is_gone(
    tmp_path: Path, sleeper: tuple[str, subprocess.Popen[bytes]]
) -> None:
    run, child = sleeper
    await until(lambda: bool(marked(run)), 5)
    path = tmp_path / "processes.json"
    RunRecord(path, run).write([])
    await end_leftovers(path)
    assert child.wait(5) != 0


async def test_a_process_that_got_the_number_of_ours_is_left_alone(
    tmp_path: Path, sleeper: tuple[str, subprocess.Popen[bytes]]
) -> None:
    _, child = sleeper
    path = tmp_path / "processes.json"
    earlier = ProcessRecord("ours", child.pid, psutil.Process(child.pid).create_time() - 60)
    RunRecord(path, new_run()).write([earlier])
    assert await end_leftovers(path) == []
    assert is_alive(psutil.Process(child.pid))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": "", "processes": []}'])
async def test_a_record_that_says_nothing_ends_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "processes.json"
    path.write_text(content)
    assert await end_leftovers(path) == []


def test_a_mark_too_short_to_be_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="mark"):
        marked("")


def test_a_record_of_another_run_is_spared(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    RunRecord(path, "first").write([])
    RunRecord(path, "second").remove()
    assert path.exists()


def test_the_second_one_in_a_folder_is_refused(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path, "carbon-aware up"), FolderLock(tmp_path, "carbon-aware up")
    first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}.*--data-dir"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_passwords_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    write_private_json(path, {"password": "x"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_free_ports_are_free_and_differ() -> None:
    first = free_port()
    assert port_is_free(first)
    assert free_port([first]) != first


@pytest.mark.skipif(processes._can_bind_to_parent() is None, reason="needs Linux's setpriv")
async def test_a_child_dies_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    """A middle process starts a bound child and is killed: the kernel ends the child."""
    code = (
        "import subprocess, sys, time; from services.cli.processes import bound_to_parent\n"
        f"child = subprocess.Popen(bound_to_parent({SLEEP!r}), start_new_session=True)\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as middle:  # noqa: ASYNC220
        assert middle.stdout is not None
        child = psutil.Process(int(middle.stdout.readline()))
        # It is bound once setpriv has become the command.
        assert await until(lambda: "python" in child.name(), 5)
        middle.kill()
    assert await until(lambda: not is_alive(child), 5)
    assert bound_to_parent(["x"])[-1] == "x"

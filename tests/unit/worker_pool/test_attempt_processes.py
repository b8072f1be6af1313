"""Handlers in child processes: they report, they can be killed, and they harm nobody else."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from services.worker_pool.processes import Processes
from shared.domain.savings import EnergyMethod
from shared.handlers import StopReason
from shared.messages import (
    JobDied,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobSucceeded,
)


async def run(children, queued):
    await children.attempts(children.handlers).run(queued, "pool", "R")
    return children.out


async def test_a_process_gets_its_typed_payload_and_gives_its_result(children, job, queued):
    item = queued(job("square"), payload={"number": 3}, piece=2, checkpoint=[1])
    done = (await run(children, item)).one(JobSucceeded)
    assert done.result["square"] == 9
    assert done.result["pid"] != os.getpid()
    assert (done.result["restored"], done.result["piece"], done.result["attempt"]) == ([1], 2, 1)


async def test_a_process_is_used_again(children, job, queued):
    item = queued(job("square"), payload={"number": 3})
    await run(children, item)
    await run(children, item)
    first, second = (e.result["pid"] for e in children.out.events if isinstance(e, JobSucceeded))
    assert first == second


async def test_a_payload_that_does_not_fit_is_final_and_names_the_field(children, job, queued):
    out = await run(children, queued(job("square", retries=5), payload={"number": "many"}))
    assert "number: input should be a valid integer" in out.one(JobDied).error


async def test_a_process_tells_progress_checkpoints_and_energy(children, job, queued, until):
    out = await run(children, queued(job("tell")))
    assert out.names() == ["JobStarted", "JobProgressed", "JobSucceeded"]
    assert (out.one(JobProgressed).fraction, out.one(JobProgressed).message) == (0.25, "a quarter")
    done = out.one(JobSucceeded)
    assert (done.energy_kwh, done.energy_method) == (0.75, EnergyMethod.MODELLED)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("value", "ValueError: no disk left"),
        ("retry", "busy"),
        ("exit", "HandlerQuitError: SystemExit: 3"),
    ],
)
async def test_what_a_process_raises_fails_its_attempt(children, job, queued, what, error):
    out = await run(children, queued(job("raise"), payload={"what": what}))
    assert out.one(JobFailed).error == error
    assert len(out.retried) == 1


async def test_reject_crosses_from_a_process(children, job, queued):
    out = await run(children, queued(job("raise"), payload={"what": "reject"}))
    assert out.one(JobDied).error == "not this one"


async def test_a_process_past_its_limit_is_killed_and_what_it_used_counts(children, job, queued):
    await children.processes.warm(1)
    out = await run(children, queued(job("spin", timeout_seconds=0.5)))
    failed = out.one(JobFailed)
    assert failed.error == "TimeoutError: it ran longer than 0.5 s"
    assert failed.energy_method is EnergyMethod.MODELLED
    used_seconds = failed.energy_kwh * 3.6e6 / 3.5
    assert 0.02 < used_seconds < 2.0, "the CPU time up to the kill"


async def test_all_that_a_process_started_is_killed_with_it(children, job, queued, until, tmp_path):
    pid_file = tmp_path / "pid"
    item = queued(job("family"), payload={"pid_file": str(pid_file)})
    attempts = children.attempts(children.handlers)
    task = asyncio.create_task(attempts.run(item, "pool", "R"))
    await until(lambda: pid_file.exists() and pid_file.read_text())
    grandchild = psutil.Process(int(pid_file.read_text()))
    attempts.running[item.job.id].stop.ask(StopReason.CANCEL)
    attempts.running[item.job.id].cut()
    await task
    assert children.out.names() == ["JobStarted", "JobCancelled"]
    await until(lambda: not _computes(grandchild.pid))


async def test_a_process_that_dies_fails_its_own_attempt_alone(children, job, queued):
    attempts = children.attempts(children.handlers)
    other = queued(job("square", id=job().id.__class__(int=8)), payload={"number": 4})
    dying = queued(job("die"), payload={"cpu_seconds": 0.2})
    await asyncio.gather(attempts.run(dying, "pool", "R"), attempts.run(other, "pool", "R"))
    failed = children.out.one(JobFailed)
    assert failed.error == "its process ended by itself with exit code 7"
    assert failed.energy_kwh * 3.6e6 / 3.5 >= 0.19, "wait4 tells what a dead process used"
    assert children.out.one(JobSucceeded).result["square"] == 16
    again = queued(job("square"), payload={"number": 5})
    await attempts.run(again, "pool", "R")
    assert children.out.events[-1].result["square"] == 25


async def test_a_process_that_dies_takes_what_it_forked_with_it(
    children, job, queued, until, tmp_path
):
    pid_file = tmp_path / "pid"
    item = queued(job("fork_and_die"), payload={"pid_file": str(pid_file)})
    out = await run(children, item)
    assert out.one(JobFailed).error == "its process ended by itself with exit code 7"
    pid = int(pid_file.read_text())
    await until(lambda: not _computes(pid))


def _computes(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_process_killed_from_outside_says_how(children, job, queued, until, tmp_path):
    item = queued(job("until_asked"), payload={"file": str(tmp_path / "started")})
    task = asyncio.create_task(run(children, item))
    await until((tmp_path / "started").exists)
    (child,) = children.processes._all
    os.kill(child.pid, 9)
    await task
    assert "ended by SIGKILL; the machine may be out of memory" in children.out.one(JobFailed).error


@pytest.mark.parametrize(
    ("finish", "kind"), [(False, JobPaused), (True, JobSucceeded)], ids=["pauses", "finishes"]
)
async def test_a_process_sees_that_it_is_asked(
    children, job, queued, until, tmp_path, finish, kind
):
    payload = {"file": str(tmp_path / "started"), "finish": finish}
    item = queued(job("until_asked"), payload=payload)
    attempts = children.attempts(children.handlers)
    task = asyncio.create_task(attempts.run(item, "pool", "R"))
    await until((tmp_path / "started").exists)
    attempts.running[item.job.id].stop.ask(StopReason.PAUSE)
    await task
    assert isinstance(children.out.events[-1], kind)
    assert [rest.checkpoint for rest in children.out.resumed] == ([] if finish else [{"epoch": 4}])


async def test_a_stop_does_not_reach_the_next_run_in_the_same_process(
    children, job, queued, until, tmp_path
):
    item = queued(job("until_asked"), payload={"file": str(tmp_path / "started")})
    attempts = children.attempts(children.handlers)
    task = asyncio.create_task(attempts.run(item, "pool", "R"))
    await until((tmp_path / "started").exists)
    (child,) = children.processes._all
    attempts.running[item.job.id].stop.ask(StopReason.PAUSE)
    await task
    await run(children, queued(job("square"), payload={"number": 3}))
    done = children.out.one(JobSucceeded)
    assert (done.result["pid"], done.result["asked"]) == (child.pid, False)


async def test_a_cancelled_attempt_kills_its_process(children, job, queued, until, tmp_path):
    item = queued(job("until_asked"), payload={"file": str(tmp_path / "started")})
    task = asyncio.create_task(run(children, item))
    await until((tmp_path / "started").exists)
    (child,) = children.processes._all
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(child.pid)


async def test_handlers_that_cannot_be_loaded_fail_the_attempt_in_a_line(children, job, queued):
    children.options["processes"] = broken = Processes("no_module_of_this_name", [])
    out = await run(children, queued(job("square"), payload={"number": 3}))
    await broken.close()
    assert out.one(JobFailed).error.startswith(
        "its process cannot load the handlers: HANDLERS: the module 'no_module_of_this_name'"
    )


async def test_handlers_that_never_load_fail_the_attempt_after_a_while(
    children, job, queued, tmp_path, monkeypatch
):
    (tmp_path / "handlers_that_never_load.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.syspath_prepend(tmp_path)
    children.options["processes"] = slow = Processes("handlers_that_never_load", [], 0.2)
    out = await run(children, queued(job("square"), payload={"number": 3}))
    assert slow._all == set(), "it was ended"
    await slow.close()
    assert out.one(JobFailed).error == "its process had not loaded the handlers after 0.2 s"


async def test_closing_leaves_no_process_behind(process_module):
    processes = Processes(process_module, [])
    await processes.warm(2)
    pids = [child.pid for child in processes._all]
    assert len(set(pids)) == 2
    await processes.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


ORPHANED = """
import asyncio, sys
from services.worker_pool.processes import Processes

async def main():
    processes = Processes("", ["/bin/echo"])
    await processes.warm(1)
    print(*(child.pid for child in processes._all), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_process_ends_when_its_worker_is_killed():
    worker = subprocess.Popen([sys.executable, "-c", ORPHANED], stdout=subprocess.PIPE, text=True)
    with worker:
        child = psutil.Process(int(worker.stdout.readline()))
        assert child.is_running()
        worker.kill()
    gone, _ = psutil.wait_procs([child], timeout=20)
    assert gone


async def test_a_process_whose_start_is_cancelled_does_not_live_on(monkeypatch, until):
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    taking = asyncio.ensure_future(Processes("", []).take())
    await asyncio.sleep(0)  # the process is there, and the line to it is being opened
    (process,) = started
    taking.cancel()
    await until(taking.done)
    assert taking.cancelled()
    assert await until(lambda: process.returncode) == -signal.SIGKILL

"""A worker as the process that it is in production: its children, its stop, its sudden death."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from shared.domain.jobs import Lane
from shared.messages import JobPaused, JobProgressed, JobSucceeded, decode_queued

HANDLERS = """
import os
import time
from shared.handlers import Paused, handler


@handler("steps", process=True)
def steps(payload, context):
    context.progress(0.0, str(os.getpid()))
    for step in range(context.restored or 0, 3000):
        time.sleep(0.02)
        if context.should_stop:
            raise Paused(step + 1)
    return "all"
"""


@pytest.fixture
def start_worker(amqp_url, deployment, tmp_path):
    """Starts `python -m services.worker_pool` for the deployment; it is killed at the end."""
    (tmp_path / "handlers_of_a_worker.py").write_text(HANDLERS)
    environment = os.environ | {
        "AMQP_URL": amqp_url,
        "NAMESPACE": deployment.topology.namespace,
        "REGIONS": "R",
        "WHEEL_SLOTS": str(deployment.topology.wheel_slots),
        "HANDLERS": "handlers_of_a_worker",
        "COMMANDS": "/bin/echo",
        "BASE_CONSUMERS": "2",
        "DRAIN_SECONDS": "20",
        "PYTHONPATH": str(tmp_path),
    }

    @contextmanager
    def start(**changes):
        command = [sys.executable, "-m", "services.worker_pool"]
        log = (tmp_path / "worker.log").open("wb")
        with log, subprocess.Popen(command, env=environment | changes, stderr=log) as worker:
            try:
                yield worker
            finally:
                worker.kill()

    return start


async def running_child(deployment, until, job_id):
    """The child process that the job's handler runs in, as it tells itself."""
    (event, *_) = await until(lambda: deployment.seen(JobProgressed, job_id=job_id), 30)
    return psutil.Process(int(event.message))


async def test_a_stopped_worker_hands_back_the_rest_of_a_process(deployment, until, start_worker):
    with start_worker() as worker:
        job_id = await deployment.send("steps", interruptible=True, expected_duration_seconds=60.0)
        child = await running_child(deployment, until, job_id)
        worker.send_signal(signal.SIGTERM)
        (paused,) = await until(lambda: deployment.seen(JobPaused, job_id=job_id), 15)
        await until(lambda: worker.poll() is not None, 15)
    assert worker.returncode == 0
    assert not child.is_running()
    assert paused.reason == "its worker stops"
    rest = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    assert rest.piece == 2
    assert rest.checkpoint >= 1
    assert 1 <= rest.remaining_seconds < 60


async def test_a_killed_worker_leaves_no_process_and_its_job_runs_elsewhere(
    deployment, until, start_worker
):
    with start_worker() as worker:
        job_id = await deployment.send("steps")
        child = await running_child(deployment, until, job_id)
        worker.kill()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    ready = deployment.topology.ready_queue("R", Lane.NORMAL)
    await until(lambda: deployment.count(ready))

    async def elsewhere(payload, context):
        return "done elsewhere"

    async with deployment.pool({"steps": elsewhere}):
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
    assert (done.result, done.attempt) == ("done elsewhere", 1)


async def test_a_worker_runs_commands_that_its_settings_allow(deployment, until, start_worker):
    with start_worker():
        job_id = await deployment.send("command", payload={"argv": ["/bin/echo", "hi"]})
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id), 30)
    assert done.result == {"exit_code": 0, "stdout_tail": "hi\n", "stderr_tail": ""}


def test_a_worker_with_nothing_to_run_says_so_in_a_line(start_worker, tmp_path):
    with start_worker(HANDLERS="", COMMANDS="") as worker:
        assert worker.wait(30) == 78
    *_, last = (tmp_path / "worker.log").read_text().splitlines()
    assert last.startswith("error: HANDLERS is not set")

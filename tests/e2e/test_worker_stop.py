"""A worker that is told to stop while a handler does not end."""

import os
import signal
import time

import pytest

from shared.ledger import reads
from shared.runtime import system_clock

HANDLERS = """
import time
from shared.handlers import handler

@handler("stuck")
def stuck(payload, context):
    if context.attempt == 1 and not payload.get("again"):
        time.sleep(payload["seconds"])
    return "done"
"""


@pytest.mark.e2e
@pytest.mark.timeout(150)
def test_a_stop_ends_within_the_grace_although_a_thread_goes_on(up, tmp_path, until):
    (tmp_path / "stuck_handlers.py").write_text(HANDLERS)
    system = up(HANDLERS="stuck_handlers", PYTHONPATH=str(tmp_path), DRAIN_SECONDS="1")
    with system.publishing() as publish:
        publish({"type": "stuck", "payload": {"seconds": 90}, "priority": "critical"})
    until(lambda: reads.statistics(system.engine, system_clock()).jobs.running == 1, 30)
    pids = dict(system.endpoints["pids"])
    began = time.monotonic()
    for name in ("worker_pool-1", "worker_pool-2"):
        os.kill(pids[name], signal.SIGTERM)

    def both_are_new():
        now = system.endpoints["pids"]
        return all(
            now.get(name) not in {None, pids[name]} for name in ("worker_pool-1", "worker_pool-2")
        )

    until(both_are_new, 30)
    assert time.monotonic() - began < 20, "it did not wait for the thread"


DEADLY_HANDLERS = """
import os
from shared.handlers import handler

@handler("deadly")
def deadly(payload):
    os._exit(1)

@handler("harmless")
def harmless(payload):
    return "done"
"""


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_a_job_that_ends_its_worker_is_kept_aside_and_the_rest_goes_on(up, tmp_path, until):
    (tmp_path / "deadly_handlers.py").write_text(DEADLY_HANDLERS)
    system = up(HANDLERS="deadly_handlers", PYTHONPATH=str(tmp_path), BEAT_SECONDS="1")
    with system.publishing() as publish:
        publish({"type": "deadly", "priority": "critical"})
        until(lambda: reads.statistics(system.engine, system_clock()).jobs.dead == 1, 180)
        publish({"type": "harmless", "priority": "critical"})
    until(lambda: reads.statistics(system.engine, system_clock()).jobs.succeeded == 1, 30)
    (dead,) = [job for job in reads.recent_jobs(system.engine) if job.type == "deadly"]
    assert "its worker ended 6 times" in dead.error
    assert system.process.poll() is None

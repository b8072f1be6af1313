"""A burst of jobs through real processes while a scheduler and a worker are killed."""

import os
import signal
from collections import Counter
from uuid import uuid4

import pytest
from sqlalchemy import select

from shared.ledger import reads
from shared.ledger.tables import attempts, jobs
from shared.runtime import system_clock

HANDLERS = """
import time
from shared.handlers import handler

@handler("quick")
def quick(payload):
    time.sleep(payload.get("seconds", 0.05))
    return payload["number"]
"""
JOBS = 500


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_every_job_of_a_burst_finishes_and_is_counted_once(up, tmp_path, until):
    (tmp_path / "burst_handlers.py").write_text(HANDLERS)
    system = up(
        HANDLERS="burst_handlers",
        PYTHONPATH=str(tmp_path),
        EMULATOR_SPEED="300",  # a point of the grid lasts a second
        SLOT_SECONDS="1",
        BEAT_SECONDS="1",
        MARGIN_SECONDS="1",
        BASE_CONSUMERS="8",
    )
    until(lambda: _leader(system), 30)
    with system.publishing() as publish:
        for number in range(JOBS):
            publish(_job(number), message_id=str(uuid4()))
            if number == JOBS // 3:
                _kill(system, _leader(system).pid)
            if number == JOBS // 2:
                _kill(system, system.endpoints["pids"]["worker_pool-1"])
    until(lambda: reads.statistics(system.engine, system_clock()).jobs.succeeded == JOBS, 120)
    with system.engine.connect() as connection:
        rows = connection.execute(select(jobs.c.result, jobs.c.deferrals)).all()
        numbers = Counter(row.result for row in rows)
        counted = connection.execute(select(attempts.c.job_id, attempts.c.outcome)).all()
    assert len(rows) == JOBS
    assert len(numbers) == JOBS, "each job's own result, once"
    assert len({row.job_id for row in counted if row.outcome == "succeeded"}) == JOBS
    assert any(row.deferrals for row in rows), "some of them waited on the wheel"


def _job(number):
    urgent = number % 2
    return {
        "type": "quick",
        "payload": {"number": number},
        "max_band": "very_high" if urgent else "very_low",
        "deadline_seconds": 30,
        "expected_duration_seconds": 1,
        "power_watts": 100,
    }


def _leader(system):
    for service in reads.services(system.engine, system_clock()):
        if service.service == "scheduler" and service.facts.get("role") == "leader":
            return service
    return None


def _kill(system, pid):
    os.kill(pid, signal.SIGKILL)

"""Every process is restarted in turn while jobs flow, and nothing is lost."""

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
    time.sleep(0.05)
    return payload["number"]
"""
JOBS_A_RESTART = 25
IN_TURN = ("intensity_publisher", "scheduler", "worker_pool", "ledger")
RESTART_SECONDS = 60


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_a_rolling_restart_under_load_loses_nothing(up, tmp_path, until):
    (tmp_path / "rolling_handlers.py").write_text(HANDLERS)
    system = up(
        HANDLERS="rolling_handlers",
        PYTHONPATH=str(tmp_path),
        EMULATOR_SPEED="300",  # a point of the grid lasts a second
        SLOT_SECONDS="1",
        BEAT_SECONDS="1",
        MARGIN_SECONDS="1",
        DRAIN_SECONDS="5",
    )
    names = [name for name in system.endpoints["pids"] if name.startswith(IN_TURN)]
    assert {name.split("-")[0] for name in names} == set(IN_TURN)
    numbers = iter(range(10_000))
    with system.publishing() as publish:
        for name in names:
            restart(system, name, until, lambda: publish(a_job(next(numbers)), str(uuid4())))
    submitted = next(numbers)
    until(lambda: reads.statistics(system.engine, system_clock()).jobs.succeeded == submitted, 120)
    with system.engine.connect() as connection:
        results = Counter(connection.scalars(select(jobs.c.result)))
        ended = connection.execute(select(attempts.c.job_id, attempts.c.outcome)).all()
    assert len(results) == submitted, "each job's own result, once"
    assert Counter(row.outcome for row in ended)["succeeded"] == submitted


def restart(system, name, until, submit):
    """End one process as an orchestrator does, and submit until its successor runs."""
    old = system.endpoints["pids"][name]
    for number in range(JOBS_A_RESTART):
        submit()
        if number == JOBS_A_RESTART // 2:
            os.kill(old, signal.SIGTERM)
    until(lambda: system.endpoints["pids"].get(name, old) != old, RESTART_SECONDS)


def a_job(number):
    return {
        "type": "quick",
        "payload": {"number": number},
        "max_band": "very_high" if number % 2 else "very_low",
        "deadline_seconds": 30,
        "expected_duration_seconds": 1,
        "power_watts": 100,
    }

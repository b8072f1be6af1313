"""The demo, unattended, and a plain message beside it."""

import json

import psutil
import pytest
from sqlalchemy import func, select

from shared.ledger.tables import jobs, pool_sizes


def _ours(data_dir):
    """Processes that still carry the data folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if any(str(data_dir) in word for word in words) and process.pid != psutil.Process().pid:
            found.append(process)
    return found


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_demo_runs_unattended_and_a_plain_message_runs_in_it(up, until):
    system = up("--demo", "--for", "75s")
    with system.publishing() as publish:
        publish({"type": "fraud_check"})
    job_id = until(lambda: _plain_job(system), 30)
    until(lambda: _state(system, job_id) == "succeeded", 30)
    why = system.command("why", str(job_id), "--json")
    assert why.returncode == 0, why.stderr
    (decision,) = json.loads(why.stdout)["decisions"]
    assert decision["outcome"] in {"released", "run_now"}
    assert "critical" in decision["reason"]
    status = json.loads(system.command("status", "--json").stdout)
    assert status["simulated"] is True
    assert status["region"] == "CAISO_NORTH"
    pids = list(system.endpoints["pids"].values())
    assert system.process.wait(120) == 0
    with system.engine.connect() as connection:
        done = connection.scalar(
            select(func.count()).select_from(jobs).where(jobs.c.state == "succeeded")
        )
        waited = connection.scalar(
            select(func.count())
            .select_from(jobs)
            .where(jobs.c.state == "succeeded", jobs.c.deferrals > 0)
        )
        sizes = connection.scalar(select(func.count()).select_from(pool_sizes))
    assert done >= 20
    assert waited >= 1, "deferred and later run"
    assert sizes >= 4, "two pools, each resized"
    printed = (system.data_dir.parent / "up.log").read_text()
    assert "SIMULATED" in printed
    assert "Carbon saved" in printed
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert _ours(system.data_dir) == []
    assert not (system.data_dir / "endpoints.json").exists()


def _plain_job(system):
    """The one job whose payload the workload never sends: none at all."""
    with system.engine.connect() as connection:
        rows = connection.execute(select(jobs.c.id).where(jobs.c.type == "fraud_check")).all()
    return rows[0].id if rows else None


def _state(system, job_id):
    with system.engine.connect() as connection:
        return connection.scalar(select(jobs.c.state).where(jobs.c.id == job_id))

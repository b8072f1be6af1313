"""Periodic jobs on a real broker: once, however many schedulers run and however often they do."""

from datetime import timedelta

from shared.domain.jobs import Lane
from shared.messages import JobAccepted, JobDeferred
from shared.runtime import system_clock
from shared.schedules import next_run, parse_schedules, run_id

HOURLY = {"cron": "0 * * * *", "type": "report", "within": "3h"}
SCHEDULES = parse_schedules(
    [{"name": f"report {n}", **HOURLY, "payload": {"n": n}, "priority": "high"} for n in range(3)]
)


def last_ids(before):
    """The ids of the runs of the last full hour."""
    since = before - timedelta(hours=1)
    return {run_id(run) for run in (next_run(each, since) for each in SCHEDULES) if run}


async def ready(deployment):
    return await deployment.count(deployment.topology.ready_queue("R", Lane.URGENT))


async def test_a_missed_run_is_submitted_once_by_two_schedulers_and_across_restarts(
    deployment, until
):
    before = system_clock()
    for _ in range(2):
        async with deployment.scheduler(SCHEDULES) as one, deployment.scheduler(SCHEDULES) as two:
            await until(lambda: len(deployment.seen(JobAccepted)) >= 3)
            await until(lambda a=one, b=two: "leader" in {a.facts()["role"], b.facts()["role"]})
            await until(lambda: _is_empty(deployment))
    accepted = {event.job_id for event in deployment.seen(JobAccepted)}
    wanted = last_ids(before) | last_ids(system_clock())
    assert accepted <= wanted, "other runs than those of the last hour"
    assert len(deployment.seen(JobAccepted)) == len(accepted)
    assert await ready(deployment) == len(accepted)


async def _is_empty(deployment):
    return await deployment.count(deployment.topology.submitted) == 0


async def test_a_run_waits_for_a_clean_hour_within_its_window(deployment, until):
    """The schedule's window is the job's deadline, and the rest is carbon-aware as ever."""
    entry = {"name": "nightly", "cron": "* * * * *", "type": "report", "within": "2m"}
    schedules = parse_schedules([{**entry, "expected_duration_seconds": 1}])
    await deployment.grid([500.0] * 5 + [100.0] * 300, period=1.0)
    async with deployment.scheduler(schedules):
        (accepted, *_) = await until(lambda: deployment.seen(JobAccepted))
        await until(lambda: deployment.seen(JobDeferred, job_id=accepted.job_id))
    assert accepted.job.deadline.second == 0
    assert accepted.job.deadline - accepted.at <= timedelta(minutes=2)

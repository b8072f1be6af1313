"""What people ask for jobs that wait: called off, run now, held back; on a real broker."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause
from shared.messages import (
    CancelJob,
    ControlTaken,
    JobCancelled,
    JobDeferred,
    JobReleased,
    JobSubmit,
    PauseWork,
    QueuedJob,
    ResumeWork,
    RunJobNow,
    TimetableUpdated,
)
from shared.runtime import system_clock

DIRTY, CLEAN = 500.0, 100.0
FAR = 60
"""Seconds to a deadline that lies well beyond a test."""


async def dirty_for_long(deployment):
    await deployment.grid([DIRTY] * 20 + [CLEAN] * 5, period=1.0)


async def submit(deployment, job_type="t", **fields):
    job_id = uuid4()
    job = JobSubmit(id=job_id, type=job_type, expected_duration_seconds=1, **fields)
    await deployment.publisher.submit(job, message_id=str(job_id))
    return job_id


async def deferred(deployment, until, **fields):
    """A job that waits on the wheel for a cleaner grid."""
    job_id = await submit(deployment, deadline_seconds=28, **fields)
    await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
    await until(deployment.waiting)
    return job_id


async def leading(scheduler, until):
    await until(lambda: scheduler.facts()["role"] == "leader")


def a_retry(seconds, **changes):
    now = system_clock()
    job = Job(uuid4(), "t", Priority.NORMAL, Band.LOW, now, now + timedelta(hours=1), 1.0, ("R",))
    job = replace(job, attempts=1, **changes)
    return QueuedJob(job=job, region="R", not_before=now + timedelta(seconds=seconds))


async def ask_for_retries(deployment, scheduler, until, retries, order):
    """Have the leader hold or park the retries, and then ask for something about each."""
    await leading(scheduler, until)
    for retry in retries:
        await deployment.publisher.retry(retry)
    await until(deployment.waiting)
    for retry in retries:
        await deployment.ask(order, job_id=retry.job.id)


async def gone(deployment):
    return await deployment.waiting() == 0


async def is_empty(deployment, queue):
    return await deployment.count(queue) == 0


async def test_a_deferred_job_is_called_off_at_once_and_leaves_its_room(deployment, until):
    await dirty_for_long(deployment)
    async with deployment.scheduler() as scheduler:
        job_id, other = [await deferred(deployment, until) for _ in range(2)]
        await until(lambda: scheduler.facts()["waiting"] == 2)
        await deployment.ask(CancelJob, job_id=job_id, reason="wrong data")
        (cancelled,) = await until(lambda: deployment.seen(JobCancelled, job_id=job_id), 3)
        assert (cancelled.by, cancelled.reason, cancelled.attempt) == ("ana", "wrong data", None)
        (taken,) = await until(lambda: deployment.seen(ControlTaken, action="cancel"))
        assert (taken.job_id, taken.by, taken.scope) == (job_id, "ana", f"job {job_id}")
        await until(lambda: scheduler.facts()["waiting"] == 1)
        planned = await until(lambda: one_planned(deployment, taken.at))
        assert planned.slots
        await deployment.ask(CancelJob, job_id=other)
        await until(lambda: deployment.seen(JobCancelled, job_id=other), 3)
        await until(lambda: gone(deployment))
    assert deployment.seen(JobReleased) == []


def one_planned(deployment, since):
    events = [event for event in deployment.seen(TimetableUpdated) if event.at >= since]
    return next((each for each in events if sum(slot.jobs for slot in each.slots) == 1), None)


async def test_a_job_called_off_before_the_scheduler_saw_it_never_waits(deployment, until):
    job_id = uuid4()
    await deployment.ask(CancelJob, job_id=job_id)
    async with deployment.scheduler():
        job = JobSubmit(id=job_id, type="t")
        await deployment.publisher.submit(job, message_id=str(job_id))
        await until(lambda: deployment.seen(JobCancelled, job_id=job_id))
        await until(lambda: is_empty(deployment, deployment.topology.submitted))
    assert deployment.seen(JobReleased) == deployment.seen(JobDeferred) == []


async def test_a_retry_is_called_off_while_it_is_held_and_while_it_is_parked(deployment, until):
    await deployment.grid([200.0] * 12)
    both = a_retry(0.9), a_retry(20)
    async with deployment.scheduler() as scheduler:
        await ask_for_retries(deployment, scheduler, until, both, CancelJob)
        for retry in both:
            await until(lambda at=retry: deployment.seen(JobCancelled, job_id=at.job.id), 5)
        await until(lambda: gone(deployment))
    assert deployment.seen(JobReleased) == []


async def test_a_new_leader_drops_what_was_called_off_while_nobody_led(deployment, until):
    await dirty_for_long(deployment)
    async with deployment.scheduler():
        job_id = await deferred(deployment, until)
    await deployment.ask(CancelJob, job_id=job_id)
    async with deployment.scheduler():
        await until(lambda: deployment.seen(JobCancelled, job_id=job_id), 5)
        await until(lambda: gone(deployment))


async def test_a_job_that_is_asked_for_runs_at_once_on_any_grid_in_the_urgent_lane(
    deployment, until
):
    await dirty_for_long(deployment)
    async with deployment.scheduler():
        job_id = await deferred(deployment, until)
        await deployment.ask(RunJobNow, job_id=job_id)
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 3)
        assert (released.cause, released.lane) == (Cause.ASKED, Lane.URGENT)
        assert released.reason == "ana asked to run it now"
        (taken,) = await until(lambda: deployment.seen(ControlTaken, action="run_now"))
        assert taken.job_id == job_id
        await deployment.ask(RunJobNow, job_id=job_id)
        await deployment.ask(PauseWork, job_type="other")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
    assert len(deployment.seen(JobReleased)) == 1, "asking again changes nothing"
    assert await deployment.count(deployment.topology.ready_queue("R", Lane.URGENT)) == 1


async def test_an_order_to_run_holds_for_a_job_that_comes_a_moment_later(deployment, until):
    await dirty_for_long(deployment)
    job_id = uuid4()
    async with deployment.scheduler() as scheduler:
        await leading(scheduler, until)
        await deployment.ask(RunJobNow, job_id=job_id)
        job = JobSubmit(id=job_id, type="t", deadline_seconds=28, expected_duration_seconds=1)
        await deployment.publisher.submit(job, message_id=str(job_id))
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 3)
    assert released.cause is Cause.ASKED


async def test_a_retry_that_is_asked_for_skips_this_backoff_and_not_the_next(deployment, until):
    await dirty_for_long(deployment)
    held, parked = a_retry(0.9), a_retry(25)
    async with deployment.scheduler() as scheduler:
        await ask_for_retries(deployment, scheduler, until, (held, parked), RunJobNow)
        for retry in (held, parked):
            found = await until(lambda at=retry: deployment.seen(JobReleased, job_id=at.job.id), 5)
            assert found[0].cause is Cause.ASKED
            assert found[0].at < retry.not_before or retry is held
        again = replace(parked.job, attempts=2)
        await deployment.publisher.retry(
            QueuedJob(job=again, region="R", not_before=system_clock() + timedelta(seconds=3))
        )
        await until(lambda: waiting(scheduler, 1))
        released = await until(lambda: deployment.seen(JobReleased, job_id=again.id, attempts=2))
    assert released[0].cause is Cause.ASKED, "the grid does not count"
    assert released[0].at - found[0].at > timedelta(seconds=2), "the backoff does"


def waiting(scheduler, count):
    return scheduler.facts()["waiting"] == count


async def test_a_paused_type_waits_past_its_latest_start_and_is_decided_when_resumed(
    deployment, until
):
    await deployment.grid([200.0] * 12)
    async with deployment.scheduler() as scheduler:
        await leading(scheduler, until)
        await deployment.ask(PauseWork, job_type="t")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        job_id = await submit(deployment, deadline_seconds=2)
        other = await submit(deployment, "u")
        await until(lambda: deployment.seen(JobReleased, job_id=other))
        (held,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
        assert held.cause is Cause.PAUSED
        assert held.reason.startswith("job type t is paused since ")
        assert " by ana; " in held.reason
        latest = held.numbers.latest_start
        await until(lambda: system_clock() > latest + timedelta(seconds=1.5))
        assert deployment.seen(JobReleased, job_id=job_id) == []
        await deployment.ask(ResumeWork, job_type="t")
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 3)
        await until(lambda: deployment.seen(ControlTaken, action="resume"))
    assert released.cause is Cause.LATEST_START


async def test_what_waits_already_is_kept_by_a_pause_and_run_now_waits_for_its_end(
    deployment, until
):
    await deployment.grid([DIRTY] * 3 + [CLEAN] * 20, period=1.0)
    async with deployment.scheduler() as scheduler:
        job_id = await deferred(deployment, until)
        await deployment.ask(PauseWork)
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        held = await until(lambda: deployment.seen(JobDeferred, job_id=job_id, cause=Cause.PAUSED))
        assert held[0].reason.startswith("everything is paused since ")
        await until(lambda: waiting(scheduler, 1))
        await deployment.ask(RunJobNow, job_id=job_id)
        (taken,) = await until(lambda: deployment.seen(ControlTaken, action="run_now"))
        assert taken.scope.endswith(": it runs when the pause of everything ends")
        assert deployment.seen(JobReleased) == []
        await deployment.ask(ResumeWork)
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 3)
    assert released.cause is Cause.ASKED


async def test_a_pause_is_known_to_a_new_leader_before_it_decides_anything(deployment, until):
    await deployment.grid([200.0] * 12)
    await deployment.ask(PauseWork, job_type="t", region="R")
    job_id = await submit(deployment)
    async with deployment.scheduler():
        (held,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
        assert held.reason.startswith("job type t in R is paused")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        await until(deployment.waiting)
    await deployment.ask(ResumeWork)
    async with deployment.scheduler():
        await until(lambda: deployment.seen(JobReleased, job_id=job_id), 5)
    assert len(deployment.seen(JobReleased)) == 1


async def test_a_pause_that_ends_while_nobody_leads_takes_no_job_past_its_latest_start(
    deployment, until
):
    await deployment.ask(PauseWork)
    async with deployment.scheduler():
        job_id = await submit(deployment, deadline_seconds=3)
        (held,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))
        await until(deployment.waiting)
    await deployment.ask(ResumeWork)
    await until(lambda: system_clock() > held.numbers.latest_start)
    async with deployment.scheduler():  # the grid is unknown, so no update moves the job
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 10)
    assert released.cause is Cause.LATEST_START


async def test_a_burst_of_cancellations_while_jobs_arrive_leaves_none_behind(deployment, until):
    await dirty_for_long(deployment)
    async with deployment.scheduler() as scheduler:
        await leading(scheduler, until)
        ids = [uuid4() for _ in range(60)]
        jobs = [
            JobSubmit(id=id_, type="t", deadline_seconds=28, expected_duration_seconds=1)
            for id_ in ids
        ]
        await asyncio.gather(
            *(deployment.publisher.submit(job, message_id=str(job.id)) for job in jobs),
            *(deployment.ask(CancelJob, job_id=id_) for id_ in ids),
        )
        await until(lambda: len({e.job_id for e in deployment.seen(JobCancelled)}) == 60, 10)
        await until(lambda: waiting(scheduler, 0))
        await until(lambda: gone(deployment))
    assert len(deployment.seen(JobCancelled)) == 60

"""The rests of paused jobs, as the scheduler decides them; on a real broker."""

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
    PauseWork,
    QueuedJob,
    decode_queued,
)
from shared.runtime import system_clock

DIRTY, CLEAN = 500.0, 100.0


async def test_the_rest_of_a_paused_job_keeps_its_checkpoint_and_is_decided_as_a_rest(
    deployment, until
):
    await deployment.grid([DIRTY] * 4 + [CLEAN] * 16, period=1.0)
    now = system_clock()
    job = Job(
        uuid4(),
        "t",
        Priority.NORMAL,
        Band.LOW,
        now,
        now + timedelta(seconds=25),
        3600.0,
        ("R",),
        energy_kwh=3.6,
    )
    rest = QueuedJob(job=job, region="R", checkpoint={"epoch": 4}, piece=3, remaining_seconds=2.0)
    async with deployment.scheduler():
        await deployment.publisher.resume(rest)
        (wait,) = await until(lambda: deployment.seen(JobDeferred, job_id=job.id))
        assert wait.cause is Cause.CLEANER_LATER, "an hour would be past its deadline"
        saved = DIRTY - wait.numbers.expected_g_per_kwh
        expected = (wait.numbers.window_g_per_kwh - wait.numbers.expected_g_per_kwh) * 0.002
        assert saved > 0
        assert abs(wait.numbers.expected_saving_g - expected) < 1e-9
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job.id))
        message = await deployment.fetch(deployment.topology.ready_queue("R", Lane.NORMAL))
    sent = decode_queued(message.body)
    assert (sent.piece, sent.checkpoint, sent.remaining_seconds) == (3, {"epoch": 4}, 2.0)
    assert sent.job.expected_duration_seconds == 3600.0
    assert (released.piece, wait.piece) == (3, 3)


async def test_a_cancelled_rest_goes_no_further(deployment, until):
    await deployment.grid([200.0] * 12)
    now = system_clock()
    job = Job(uuid4(), "t", Priority.NORMAL, Band.LOW, now, now + timedelta(hours=1), 1.0, ("R",))
    async with deployment.scheduler() as scheduler:
        await until(lambda: scheduler.facts()["role"] == "leader")
        await deployment.ask(CancelJob, job_id=job.id)
        await deployment.ask(PauseWork, job_type="x")
        await until(lambda: deployment.seen(ControlTaken, action="pause"))
        await deployment.publisher.resume(QueuedJob(job=job, region="R", piece=2))
        await until(lambda: deployment.seen(JobCancelled, job_id=job.id))
    assert deployment.seen(JobReleased) == []

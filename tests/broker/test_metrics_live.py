"""The numbers of a scheduler and a pool at work on a real broker."""

from prometheus_client import CollectorRegistry

from services.scheduler import queue_watch
from services.scheduler.metrics import SchedulerMetrics
from shared.broker.publish import Publisher
from shared.domain.bands import Band
from shared.messages import JobSubmit, JobSucceeded
from shared.metrics import PublishMetrics


async def test_a_job_leaves_its_trail_in_the_scheduler_s_numbers(deployment, until, monkeypatch):
    monkeypatch.setattr(queue_watch, "APART_SECONDS", 0.1)
    registry = CollectorRegistry()

    def value(name, **labels):
        return registry.get_sample_value(name, labels)

    await deployment.grid([100.0] * 24)
    dead = await deployment.send("t")  # lies in a ready queue until there is a pool
    async with deployment.scheduler() as scheduler:
        scheduler.metrics = SchedulerMetrics(registry)
        await until(lambda: value("carbonq_queue_messages", queue="jobs.ready.R.normal") == 1)
        assert value("carbonq_scheduler_leader") == 1
        await deployment.publisher.submit(JobSubmit(type="t"), message_id="m-1")
        await deployment.publisher.submit(
            JobSubmit(type="t", max_band=Band.VERY_LOW), message_id="m-2"
        )
        await until(lambda: value("carbonq_jobs_total", type="t", state="submitted") == 2)
        await until(lambda: value("carbonq_queue_messages", queue="jobs.ready.R.normal") == 3)
        async with deployment.pool({"t": lambda _payload, _context: None}):
            await until(lambda: deployment.seen(JobSucceeded, job_id=dead))
            await until(lambda: value("carbonq_queue_messages", queue="jobs.ready.R.normal") == 0)
        released = value("carbonq_jobs_total", type="t", state="ready")
    assert released == 2
    assert value("carbonq_scheduler_leader") == 0
    assert value("carbonq_queue_messages", queue="jobs.dead") is None


async def test_what_is_no_job_is_counted_as_rejected(deployment, until):
    registry = CollectorRegistry()
    async with deployment.scheduler() as scheduler:
        scheduler.metrics = SchedulerMetrics(registry)
        await deployment.publisher.submit(JobSubmit(type="t", region="NOWHERE"), message_id="m-1")
        await until(lambda: registry.get_sample_value("carbonq_jobs_rejected_total") == 1)


async def test_confirms_are_counted(deployment):
    registry = CollectorRegistry()
    publisher = Publisher(
        deployment.url, deployment.topology, "counted", metrics=PublishMetrics(registry)
    )
    for number in range(3):
        await publisher.submit(JobSubmit(type="t"), message_id=str(number))
    await publisher.close()
    assert registry.get_sample_value("carbonq_publish_confirms_total") == 3
    assert registry.get_sample_value("carbonq_publish_confirm_duration_seconds_count") == 3

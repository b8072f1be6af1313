"""Room on a real broker: pools that are full, jobs that leave a slot alone, the plan for all."""

from datetime import timedelta
from uuid import uuid4

from shared.domain.jobs import Lane
from shared.domain.reasons import Cause
from shared.messages import (
    JobDeferred,
    JobReleased,
    JobSubmit,
    ServiceBeat,
    TimetableUpdated,
    decode_queued,
)
from shared.runtime import system_clock

DIRTY, CLEAN = 500.0, 100.0


async def submit(deployment, **fields):
    job_id = uuid4()
    job = JobSubmit(id=job_id, type="t", **fields)
    await deployment.publisher.submit(job, message_id=str(job_id))
    return job_id


async def beat(deployment, base=1, held=0, mean_seconds=None):
    """A worker of some size says that it is alive."""
    facts = {"regions": "R", "base_consumers": base, "consumers.R": base, "held.R": held}
    await deployment.publisher.event(
        ServiceBeat(
            id=uuid4(),
            at=system_clock(),
            service="worker_pool",
            instance="w",
            host="h",
            pid=1,
            started_at=system_clock(),
            interval_seconds=60,
            facts={**facts, "mean_seconds.R": mean_seconds},
        )
    )


async def ready(deployment):
    return await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL))


async def take_all(deployment):
    """What a pool would do: take every ready job; returns their ids."""
    channel = await deployment.connection.channel()
    name = deployment.topology.ready_queue("R", Lane.NORMAL).name
    queue = await channel.get_queue(name, ensure=False)
    taken = []
    while message := await queue.get(fail=False):
        taken.append(decode_queued(message.body).job.id)
        await message.ack()
    await channel.close()
    return taken


async def a_pool_is_known(deployment, until, base=1):
    """Beat until the scheduler, which may still be starting, has heard of it."""

    async def heard():
        await beat(deployment, base)
        last = deployment.seen(TimetableUpdated)[-1:]
        return bool(last) and last[0].consumers == base

    await until(heard)


async def test_a_burst_fills_the_pools_and_no_more_and_the_rest_follows_as_they_empty(
    deployment, until
):
    await deployment.grid([200.0] * 40)
    async with deployment.scheduler():
        await a_pool_is_known(deployment, until)
        ids = [
            await submit(deployment, expected_duration_seconds=0.6, deadline_seconds=29 - n / 10)
            for n in range(12)
        ]
        await until(
            lambda: len(deployment.seen(JobReleased)) + len(deployment.seen(JobDeferred)) >= 12
        )
        full = deployment.seen(JobDeferred, cause=Cause.POOLS_FULL)
        assert full, "1.5 consumers have room for two such jobs in a slot of a second"
        assert await ready(deployment) < 12
        done = []

        async def all_taken():
            done.extend(await take_all(deployment))
            await beat(deployment, mean_seconds=0.6)
            return len(done) == 12

        await until(all_taken, 25)
    assert sorted(done) == sorted(ids)
    assert {event.cause for event in deployment.seen(JobReleased)} == {Cause.IN_BAND}


async def test_pools_that_turn_out_quicker_than_declared_get_more(deployment, until):
    await deployment.grid([200.0] * 40)
    async with deployment.scheduler():
        await a_pool_is_known(deployment, until)
        for _ in range(30):
            await submit(deployment, expected_duration_seconds=20, deadline_seconds=3600)
        await until(lambda: len(deployment.seen(JobDeferred, cause=Cause.POOLS_FULL)) >= 20)
        await take_all(deployment)

        async def released_all():
            await beat(deployment, mean_seconds=0.01)
            return len(deployment.seen(JobReleased)) == 30

        await until(released_all, 10)


async def test_a_job_leaves_a_slot_early_without_the_others_of_that_slot(deployment, until):
    await deployment.grid([DIRTY] * 25 + [CLEAN] * 5, period=1.0)
    async with deployment.scheduler() as scheduler:
        stays = await submit(
            deployment, max_band="very_low", deadline_seconds=28, expected_duration_seconds=1
        )
        goes = await submit(deployment, deadline_seconds=28, expected_duration_seconds=1)
        await until(lambda: len(deployment.seen(JobDeferred)) == 2)
        one, other = (deployment.seen(JobDeferred, job_id=each)[0] for each in (stays, goes))
        assert one.slot == other.slot
        # `low` is the limit of the one; the other still waits for something cleaner.
        await deployment.grid([200.0] + [DIRTY] * 20 + [CLEAN] * 5, period=1.0)
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=goes), 5)
        assert released.at < one.planned_at - timedelta(seconds=5)
        assert scheduler.facts()["waiting"] == 1
        await until(lambda: _on_the_wheel(deployment, 1))
    assert not deployment.seen(JobReleased, job_id=stays)
    assert len(deployment.seen(JobDeferred, job_id=stays)) == 1, "it was not moved"


async def _on_the_wheel(deployment, count):
    return await deployment.waiting() == count


async def test_the_timetable_is_told_with_jobs_load_and_room(deployment, until):
    await deployment.grid([DIRTY] * 10 + [CLEAN] * 30, period=1.0)
    async with deployment.scheduler():
        await a_pool_is_known(deployment, until, base=2)
        job_id = await submit(deployment, expected_duration_seconds=3, deadline_seconds=25)
        (deferred,) = await until(lambda: deployment.seen(JobDeferred, job_id=job_id))

        def told():
            last = deployment.seen(TimetableUpdated)[-1]
            return [slot for slot in last.slots if slot.jobs]

        (slot,) = await until(told)
        last = deployment.seen(TimetableUpdated)[-1]
    assert slot.at == deferred.planned_at
    assert (slot.jobs, slot.load_seconds) == (1, 1.0)
    assert slot.room_seconds == 2 * 2 - 1, "very low: twice the base, for a slot of one second"
    assert sum(each.load_seconds for each in last.slots) == 3
    assert len(last.slots) == 30

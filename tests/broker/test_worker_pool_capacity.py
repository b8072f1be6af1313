"""The pool's size on a real broker: by the band, by the eco mode, by a pause."""

import asyncio
from collections import Counter
from datetime import timedelta

from services.worker_pool.capacity import Base
from services.worker_pool.service import PoolRules
from shared.domain.bands import Band
from shared.domain.jobs import Lane
from shared.messages import (
    ControlTaken,
    IntensityUpdated,
    JobStarted,
    JobSucceeded,
    PauseWork,
    PoolResized,
    ResumeWork,
    SetEco,
)
from shared.runtime import system_clock

CHANGE_SECONDS = 0.25
"""What may pass from a broadcast to the new limit."""


async def done_at_once(payload, context):
    return {"done": True}


class Gate:
    """A handler that runs until it is opened, and notes what runs."""

    def __init__(self):
        self.opened, self.running, self.most, self.order = asyncio.Event(), set(), 0, []

    async def __call__(self, payload, context):
        self.running.add(context.job_id)
        self.order.append(payload.get("name"))
        self.most = max(self.most, len(self.running))
        await self.opened.wait()
        self.running.discard(context.job_id)


def gated():
    gate = Gate()

    async def work(payload, context):
        await gate(payload, context)

    return gate, {"t": work}


async def consumer_count(deployment, lane=Lane.NORMAL):
    channel = await deployment.connection.channel()
    name = deployment.topology.ready_queue("R", lane).name
    queue = await channel.declare_queue(name, passive=True)
    await channel.close()
    return queue.declaration_result.consumer_count


async def has_consumers(deployment, lane, count):
    return await consumer_count(deployment, lane) == count


async def test_consumers_follow_the_band_on_every_lane(deployment, until):
    async with deployment.pool({"t": done_at_once}, Base(4, 2)) as pool:
        for band, consumers in (
            (Band.VERY_LOW, 8),
            (Band.VERY_HIGH, 1),
            (Band.LOW, 6),
            (Band.HIGH, 2),
            (Band.MEDIUM, 4),
        ):
            await deployment.grid([200.0] * 4, band=band)
            await until(lambda n=consumers: pool.pool.limit.consumers == n)
            for lane in Lane:
                await until(lambda n=consumers, at=lane: has_consumers(deployment, at, n))
        await until(lambda: len(deployment.seen(PoolResized)) == 6)
    sizes = [(event.consumers, event.prefetch) for event in deployment.seen(PoolResized)]
    assert sizes[1:] == [(8, 4), (1, 1), (6, 3), (2, 1), (4, 2)]


async def test_a_new_limit_is_in_force_within_a_quarter_of_a_second(deployment, until):
    """With consumers on all lanes and messages in hand; without a backlog rule to step in."""
    gate, handlers = gated()
    rules = PoolRules(Base(10, 2), eco_off_backlog=0)
    async with deployment.pool(handlers, rules=rules) as pool:
        await until(lambda: pool.pool.limit.consumers == 10)
        for lane in Lane:
            for _ in range(30):
                await deployment.send(lane=lane)
        await until(lambda: pool.pool.held >= 40)
        for band in (Band.VERY_LOW, Band.VERY_HIGH, Band.MEDIUM):
            await deployment.grid([200.0] * 4, band=band)
            await until(lambda at=band: deployment.seen(PoolResized, band=at))
        updated = {event.band: event.at for event in deployment.seen(IntensityUpdated)}
        resized = {event.band: event.at for event in deployment.seen(PoolResized)}
        gate.opened.set()
    seconds = [(resized[band] - at).total_seconds() for band, at in updated.items()]
    assert len(seconds) == 3
    assert max(seconds) < CHANGE_SECONDS


async def test_resizing_drops_and_doubles_nothing_in_flight(deployment, until):
    runs = Counter()

    async def work(payload, context):
        runs[context.job_id] += 1
        await asyncio.sleep(0.05)

    async with deployment.pool({"t": work}, Base(4, 2)) as pool:
        ids = [await deployment.send() for _ in range(60)]
        for band in (Band.VERY_LOW, Band.VERY_HIGH, Band.LOW, Band.HIGH, Band.VERY_LOW):
            await deployment.grid([200.0] * 4, band=band)
            await until(lambda at=band: pool.pool.limit.band is at)
        await until(lambda: len(deployment.seen(JobSucceeded)) == 60)
    assert runs == Counter(dict.fromkeys(ids, 1))


async def test_no_more_jobs_run_than_the_band_allows(deployment, until):
    gate, handlers = gated()
    await deployment.grid([600.0] * 4, band=Band.VERY_HIGH)
    async with deployment.pool(handlers, Base(8, 1)) as pool:
        await until(lambda: pool.pool.limit.band is Band.VERY_HIGH)
        for _ in range(6):
            await deployment.send(lane=Lane.URGENT)
        await until(lambda: len(gate.running) == 2)
        gate.opened.set()
        await until(lambda: len(deployment.seen(JobSucceeded)) == 6)
    assert gate.most == 2


async def test_in_a_bad_band_a_place_is_kept_for_an_urgent_job(deployment, until):
    gate, handlers = gated()
    await deployment.grid([600.0] * 4, band=Band.HIGH)
    async with deployment.pool(handlers, Base(8, 1)) as pool:
        await until(lambda: pool.pool.limit.band is Band.HIGH)
        for _ in range(6):
            await deployment.send(payload={"name": "normal"})
        await until(lambda: len(gate.running) == 3 and pool.pool.held)
        await deployment.send(lane=Lane.URGENT, payload={"name": "urgent"})
        await until(lambda: "urgent" in gate.order)
        assert len(gate.running) == 4
        gate.opened.set()
        await until(lambda: len(deployment.seen(JobSucceeded)) == 7)


async def test_the_eco_mode_can_be_switched_off_for_a_while(deployment, until):
    await deployment.grid([600.0] * 4, band=Band.VERY_HIGH)
    async with deployment.pool({"t": done_at_once}) as pool:
        await until(lambda: deployment.seen(PoolResized, consumers=1))
        await deployment.ask(SetEco, on=False, until=system_clock() + timedelta(seconds=1))
        (resized,) = await until(
            lambda: deployment.seen(PoolResized, consumers=4, band=Band.VERY_HIGH)
        )
        assert resized.factor == 1
        assert resized.reason.startswith("eco mode off until")
        assert "set by ana" in resized.reason
        await until(lambda: pool.pool.limit.consumers == 1)
        await until(lambda: len(deployment.seen(PoolResized, consumers=1)) == 2)
        await until(lambda: has_consumers(deployment, Lane.NORMAL, 1))


async def test_deadlines_that_pile_up_switch_it_off_until_none_waits(deployment, until):
    gate, handlers = gated()
    await deployment.grid([600.0] * 4, band=Band.VERY_HIGH)
    rules = PoolRules(Base(4, 1), look_seconds=0.1)
    async with deployment.pool(handlers, rules=rules) as pool:
        await until(lambda: pool.pool.limit.consumers == 1)
        await deployment.send(lane=Lane.URGENT)
        await until(lambda: len(gate.running) == 1)
        for _ in range(5):
            await deployment.send(lane=Lane.URGENT)
        (resized,) = await until(
            lambda: deployment.seen(PoolResized, consumers=4, band=Band.VERY_HIGH)
        )
        assert "urgent jobs wait for 1 places of the very high band" in resized.reason
        await until(lambda: len(gate.running) == 4)
        gate.opened.set()
        await until(lambda: pool.pool.limit.consumers == 1)
        await until(lambda: len(deployment.seen(JobSucceeded)) == 6)


async def test_a_paused_region_has_no_consumers_until_it_is_resumed(deployment, until):
    gate, handlers = gated()
    async with deployment.pool(handlers, Base(1, 1)) as pool:
        running = await deployment.send()
        await until(lambda: gate.running)
        held = await deployment.send(lane=Lane.BACKGROUND)
        await until(lambda: pool.pool.held == 1)
        await deployment.ask(PauseWork, region="R")
        (resized,) = await until(lambda: deployment.seen(PoolResized, consumers=0))
        assert resized.reason == "the region was paused by ana"
        # A quorum queue counts a cancelled consumer until its last message is acknowledged.
        for lane in (Lane.URGENT, Lane.BACKGROUND):
            await until(lambda at=lane: has_consumers(deployment, at, 0))
        ready = deployment.topology.ready_queue("R", Lane.BACKGROUND)
        await until(lambda: counted(deployment, ready, 1))
        gate.opened.set()
        await until(lambda: deployment.seen(JobSucceeded, job_id=running))
        await until(lambda: has_consumers(deployment, Lane.NORMAL, 0))
        assert not deployment.seen(JobStarted, job_id=held)
        await deployment.ask(ResumeWork, region="R")
        await until(lambda: deployment.seen(JobSucceeded, job_id=held))
    actions = [event.action for event in deployment.seen(ControlTaken)]
    assert actions == ["pause", "resume"]


async def test_a_pause_of_another_region_changes_nothing(deployment, until):
    async with deployment.pool({"t": done_at_once}) as pool:
        await until(lambda: deployment.seen(PoolResized))
        await deployment.ask(PauseWork, region="ELSEWHERE")
        await deployment.ask(SetEco, on=True)
        await until(lambda: deployment.seen(ControlTaken, action="eco"))
        assert pool.pool.limit.consumers == 4
    assert not deployment.seen(ControlTaken, action="pause")


async def test_a_pool_that_starts_later_finds_the_pause(deployment, until):
    await deployment.ask(PauseWork)
    job_id = await deployment.send()
    async with deployment.pool({"t": done_at_once}) as pool:
        await until(lambda: deployment.seen(PoolResized, consumers=0))
        assert await deployment.count(deployment.topology.ready_queue("R", Lane.NORMAL)) == 1
        await deployment.ask(ResumeWork)
        await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
        assert pool.pool.limit.consumers == 4
    resized = deployment.seen(PoolResized)
    assert [event.consumers for event in resized] == [0, 4]


async def counted(deployment, queue, count):
    return await deployment.count(queue) == count

"""Pools that run long jobs hold none that others could run; with short ones they stay quick."""

import asyncio

from services.worker_pool.capacity import Base
from shared.domain.jobs import Lane
from shared.messages import JobStarted, JobSucceeded

BASE = Base(2, 2)


class Gate:
    """A handler that runs until it is opened."""

    def __init__(self):
        self.opened = asyncio.Event()

    async def work(self, payload, context):
        await self.opened.wait()


async def test_what_a_full_pool_would_hold_runs_in_the_other(deployment, until):
    gate = Gate()
    async with deployment.pool({"t": gate.work}, BASE) as full:
        for lane in Lane:
            for _ in range(2):
                await deployment.send(lane=lane)
        await until(lambda: full.pool.held)
        async with deployment.pool({"t": gate.work}, Base(4, 1)) as other:
            await until(lambda: other.pool.running == 4, 10)
            assert full.pool.running == 2
            await until(lambda: full.pool.held == 0)
            gate.opened.set()
            await until(lambda: len(deployment.seen(JobSucceeded)) == 6)
    starts = [event.job_id for event in deployment.seen(JobStarted)]
    assert len(starts) == len(set(starts)) == 6


async def test_a_place_that_falls_free_is_filled_at_once(deployment, until):
    gates = {name: Gate() for name in ("a", "b", "c")}
    handlers = {name: gate.work for name, gate in gates.items()}
    async with deployment.pool(handlers, BASE) as region:
        for name in "aabbc":
            await deployment.send(name)
        await until(lambda: region.pool.running == 2 and region.pool.held == 0, 10)
        queue = deployment.topology.ready_queue("R", Lane.NORMAL)
        await until(lambda: _has(deployment, queue, 3))
        for name in "abc":
            gates[name].opened.set()
        await until(lambda: len(deployment.seen(JobSucceeded)) == 5)


async def _has(deployment, queue, count):
    return await deployment.count(queue) == count


async def test_short_jobs_are_taken_in_advance(deployment, until):
    most = 0

    async def short(payload, context):
        nonlocal most
        most = max(most, region.pool.held)
        await asyncio.sleep(0.01)

    async with deployment.pool({"t": short}, BASE) as region:
        for _ in range(200):
            await deployment.send()
        await until(lambda: len(deployment.seen(JobSucceeded)) == 200, 30)
    assert most > 0

"""Many jobs on two pools while the band walks, jobs are called off and a type is paused."""

import asyncio
from collections import Counter

from services.worker_pool.capacity import Base
from shared.domain.bands import KNOWN_BANDS, capacity
from shared.domain.jobs import Lane
from shared.messages import (
    CancelJob,
    ControlTaken,
    JobCancelled,
    JobStarted,
    JobSucceeded,
    PauseWork,
    PoolResized,
    ResumeWork,
    decode_queued,
)

JOBS = 240
BASE = Base(4, 2)


class Crew:
    """Handlers that note who runs how often, and how many at once."""

    def __init__(self):
        self.runs, self.running, self.most, self.go = Counter(), 0, 0, asyncio.Event()

    async def work(self, payload, context):
        self.runs[context.job_id] += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
            await asyncio.sleep(0.02)
        finally:
            self.running -= 1


async def test_every_job_ends_once_whatever_is_asked_meanwhile(deployment, until):
    crew = Crew()
    handlers = {"t": crew.work, "u": crew.work}
    lanes = list(Lane)
    async with deployment.pool(handlers, BASE) as one, deployment.pool(handlers, BASE) as two:
        await until(lambda: len(deployment.seen(PoolResized)) == 2)
        ids = [
            await deployment.send("tu"[n % 2], lanes[n % 3], interruptible=n % 5 == 0)
            for n in range(JOBS)
        ]
        await until(lambda: crew.running == 2 * BASE.consumers)
        unwanted = set(ids[-20:])
        for job_id in unwanted:
            await deployment.ask(CancelJob, job_id=job_id)
        await deployment.ask(PauseWork, job_type="u")
        await until(lambda: len(deployment.seen(ControlTaken, action="pause")) == 2)
        crew.go.set()
        for band in KNOWN_BANDS:
            await deployment.grid([200.0] * 4, band=band)
            await until(lambda at=band: {one.pool.limit.band, two.pool.limit.band} == {at})
        await until(lambda: deployment.count(deployment.topology.submitted))
        await deployment.ask(ResumeWork)
        await until(lambda: len(deployment.seen(ControlTaken, action="resume")) == 2)
        await _bring_back(deployment, until, ids)
    ended = [event.job_id for event in (*deployment.seen(JobSucceeded), *_called_off(deployment))]
    assert Counter(ended) == Counter(ids), "each ended once, in one way"
    assert {event.job_id for event in _called_off(deployment)} == unwanted
    assert crew.runs == Counter(set(ids) - unwanted), "none ran twice"
    assert len(deployment.seen(JobStarted)) == JOBS - len(unwanted)
    assert crew.most <= 2 * capacity(BASE.consumers, KNOWN_BANDS[0])


def _called_off(deployment):
    return deployment.seen(JobCancelled)


async def _bring_back(deployment, until, ids):
    """Stand in for the scheduler: release again what the pools handed back, until all ended."""

    async def ended():
        message = await deployment.fetch(deployment.topology.submitted)
        if message is not None:
            back = decode_queued(message.body)
            await deployment.publisher.ready(back, "R", Lane.NORMAL)
        return len(deployment.seen(JobSucceeded)) + len(_called_off(deployment)) >= len(ids)

    await until(ended, 60)

"""A job in any state, on a real broker; the ledger holds the events that really happened."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from services.cli.settings import CliSettings, Places
from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, OnDeadline, Priority, State
from shared.handlers import Retry
from shared.ledger.reads import job_status
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    CancelJob,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobExpired,
    JobPaused,
    JobReleased,
    JobRetried,
    JobStarted,
    JobSubmit,
    JobSucceeded,
    QueuedJob,
)
from shared.runtime import system_clock

CLEAN, DIRTY = [200.0] * 24, [500.0] * 20 + [100.0] * 5
BACKOFF_SECONDS = 20.0


@dataclass
class Scene:
    """One job in one state, and what happens when the services go on."""

    deployment: Any
    until: Any
    places: Places
    stack: AsyncExitStack
    job_id: UUID = field(default_factory=uuid4)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    missing: tuple[str, ...] = ()

    def seen(self, kind, **fields):
        return self.deployment.seen(kind, job_id=self.job_id, **fields)

    async def event(self, kind, **fields):
        return (await self.until(lambda: self.seen(kind, **fields)))[0]

    async def start(self, *services):
        for each in services:
            run = {"scheduler": self.deployment.scheduler, "pool": self._pool}[each]
            await self.stack.enter_async_context(run())

    async def go_on(self):
        """Start what was not there when the order was given."""
        await self.start(*self.missing)

    def _pool(self):
        return self.deployment.pool({"t": self._work})

    async def _work(self, payload, context):
        if payload["how"] == State.DEAD:
            raise ValueError("no data")
        if payload["how"] == State.RETRYING and context.attempt == 1:
            raise Retry(BACKOFF_SECONDS, "the database is away")
        if payload["how"] == State.RUNNING:
            await self.until(lambda: context.should_stop or self.go.is_set(), 60)
        if context.should_stop:
            raise RuntimeError("stopped half way")
        return {"done": True}

    async def submit(self, state, **fields):
        job = JobSubmit(
            id=self.job_id,
            type="t",
            payload={"how": state},
            expected_duration_seconds=1,
            deadline_seconds=28,
            retries=0 if state is State.DEAD else 3,
        ).model_copy(update=fields)
        await self.deployment.publisher.submit(job, message_id=str(self.job_id))

    async def accepted(self):
        """The event of a job whose message still lies before the scheduler."""
        now = system_clock()
        end = now + timedelta(seconds=28)
        job = Job(self.job_id, "t", Priority.NORMAL, Band.LOW, now, end, 1.0, ("R",))
        event_id = uuid5(self.job_id, "accepted")
        await self.deployment.publisher.event(
            JobAccepted(id=event_id, at=now, job_id=self.job_id, job=job)
        )
        return job

    def ledger(self):
        """Everything that happened so far, where the commands look for it."""
        migrate(self.places.ledger_url)
        engine = open_engine(self.places.ledger_url)
        with writing(engine) as connection:
            record(connection, self.deployment.events)
        found = job_status(engine, self.job_id)
        engine.dispose()
        return found


async def submitted(scene, dirty):
    await scene.deployment.grid(DIRTY if dirty else CLEAN, period=1.0)
    await scene.accepted()
    await scene.submit(State.SUBMITTED)
    await scene.event(JobAccepted)
    scene.missing = ("scheduler",)


async def deferred(scene, dirty):
    due_in_4_seconds = [500.0] * 4 + CLEAN
    await scene.deployment.grid(DIRTY if dirty else due_in_4_seconds, period=1.0)
    await scene.start("scheduler")
    await scene.submit(State.DEFERRED)
    await scene.event(JobDeferred)
    await scene.until(scene.deployment.waiting)


async def ready(scene, dirty):
    await scene.deployment.grid(CLEAN)
    await scene.start("scheduler")
    await scene.submit(State.READY)
    await scene.event(JobReleased)
    scene.missing = ("pool",)


async def running(scene, dirty):
    await ready(scene, dirty)
    await scene.deployment.fetch(scene.deployment.topology.ready_queue("R", Lane.NORMAL))
    scene.missing = ()
    await scene.start("pool")
    scene.job_id = uuid4()
    await scene.submit(State.RUNNING)
    await scene.event(JobStarted)


async def retrying(scene, dirty):
    await scene.deployment.grid(CLEAN)
    await scene.start("scheduler", "pool")
    await scene.submit(State.RETRYING)
    await scene.event(JobRetried)
    await scene.until(scene.deployment.waiting)
    if dirty:
        await scene.deployment.grid(DIRTY, period=1.0)


async def paused(scene, dirty):
    await scene.deployment.grid(DIRTY if dirty else CLEAN, period=1.0)
    job = await scene.accepted()
    piece = {"attempt": 1, "piece": 1, "pool": "p:R", "region": "R", "started_at": job.submitted_at}
    energy = {"energy_kwh": None, "energy_method": None, "finished_at": job.submitted_at}
    common = {"at": job.submitted_at, "job_id": job.id, **piece}
    publisher = scene.deployment.publisher
    await publisher.event(JobStarted(id=uuid4(), **common))
    await publisher.event(
        JobPaused(id=uuid4(), **common, **energy, reason="dirty", remaining_seconds=1.0)
    )
    rest = QueuedJob(job=job, payload={"how": "rest"}, region="R", piece=2, checkpoint={"n": 1})
    await publisher.resume(rest)
    await scene.event(JobPaused)
    scene.missing = ("scheduler",)


async def succeeded(scene, dirty):
    await scene.deployment.grid(CLEAN)
    await scene.start("scheduler", "pool")
    await scene.submit(State.SUCCEEDED)
    await scene.event(JobSucceeded)


async def dead(scene, dirty):
    await scene.deployment.grid(CLEAN)
    await scene.start("scheduler", "pool")
    await scene.submit(State.DEAD)
    await scene.event(JobDied)


async def cancelled(scene, dirty):
    await scene.deployment.grid(DIRTY if dirty else CLEAN, period=1.0)
    await scene.deployment.ask(CancelJob, job_id=scene.job_id)
    await scene.submit(State.CANCELLED)
    await scene.start("scheduler", "pool")
    await scene.event(JobCancelled)


async def expired(scene, dirty):
    await scene.deployment.grid(DIRTY if dirty else CLEAN, period=1.0)
    await scene.start("scheduler", "pool")
    too_late = {"deadline_seconds": 0.5, "on_deadline": OnDeadline.EXPIRE}
    await scene.submit(State.EXPIRED, **too_late)
    await scene.event(JobExpired)


ARRANGE = {
    State.SUBMITTED: submitted,
    State.DEFERRED: deferred,
    State.READY: ready,
    State.RUNNING: running,
    State.RETRYING: retrying,
    State.PAUSED: paused,
    State.SUCCEEDED: succeeded,
    State.DEAD: dead,
    State.CANCELLED: cancelled,
    State.EXPIRED: expired,
}


@pytest.fixture
def scene_of(deployment, until, tmp_path):
    settings = CliSettings(
        regions=("R",), wheel_slots=30, slot_seconds=1, namespace=deployment.topology.namespace
    )
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    places = Places(settings, deployment.url, url, "the test")

    @asynccontextmanager
    async def arrange(state, *, dirty=False):
        async with AsyncExitStack() as stack:
            scene = Scene(deployment, until, places, stack)
            await ARRANGE[state](scene, dirty)
            assert scene.ledger().state is state
            try:
                yield scene
            finally:
                scene.go.set()

    return arrange

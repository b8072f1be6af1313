"""Every state of a job, and everything that can be asked of it: on a real broker, to the exit code.

The ledger that the commands ask is filled with the events that really happened.
"""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from services.cli.control_jobs import Asking, NotDone, cancel_job, run_job_now
from services.cli.control_work import ask_for_work
from services.cli.settings import CliSettings, Places
from shared.domain.bands import Band
from shared.domain.jobs import Job, Lane, Priority, State
from shared.domain.reasons import Cause
from shared.handlers import Retry
from shared.ledger.reads import job_status
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    ControlTaken,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobPaused,
    JobReleased,
    JobRetried,
    JobStarted,
    JobSubmit,
    JobSucceeded,
    PauseWork,
    QueuedJob,
    ResumeWork,
)
from shared.runtime import system_clock

CLEAN, DIRTY = [200.0] * 24, [500.0] * 20 + [100.0] * 5
BACKOFF_SECONDS = 20.0
OVER = {State.SUCCEEDED: "already succeeded at ", State.DEAD: "already failed for good at "}
WAITING = (State.SUBMITTED, State.DEFERRED, State.RETRYING, State.PAUSED)
EVERY_STATE = (*WAITING, State.READY, State.RUNNING, *OVER)


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
            raise Retry("the database is away", after_seconds=BACKOFF_SECONDS)
        if payload["how"] == State.RUNNING:
            await self.until(lambda: context.should_stop or self.go.is_set(), 60)
        if context.should_stop:
            raise RuntimeError("stopped half way")
        return {"done": True}

    async def submit(self, state):
        job = JobSubmit(
            id=self.job_id,
            type="t",
            payload={"how": state},
            expected_duration_seconds=1,
            deadline_seconds=28,
            retries=0 if state is State.DEAD else 3,
        )
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


ARRANGE = {
    State.SUBMITTED: submitted,
    State.DEFERRED: deferred,
    State.READY: ready,
    State.RUNNING: running,
    State.RETRYING: retrying,
    State.PAUSED: paused,
    State.SUCCEEDED: succeeded,
    State.DEAD: dead,
}


@pytest.fixture
async def orders_sent(deployment):
    """The routing keys of the orders, as they pass the exchange."""
    keys = []
    channel = await deployment.connection.channel()
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(deployment.topology.control.name, "#")

    async def note(message):
        keys.append(message.routing_key)

    await queue.consume(note, no_ack=True)
    return keys


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


def asking(wait_seconds=20.0):
    return Asking("ana", wait_seconds, as_json=False, clock=system_clock)


async def ask(scene, command, orders_sent):
    """Run a command; what is missing starts once its order is on its way."""
    task = asyncio.ensure_future(command(scene.places, str(scene.job_id), asking()))
    await scene.until(lambda: orders_sent or task.done())
    await scene.go_on()
    await task


async def holds_no_job(scene):
    topology = scene.deployment.topology
    ready = topology.ready_queue("R", Lane.NORMAL), topology.ready_queue("R", Lane.URGENT)
    counts = [await scene.deployment.count(each) for each in (topology.submitted, *ready)]
    return sum(counts) + await scene.deployment.waiting() == 0


@pytest.mark.parametrize("state", [*WAITING, State.READY, State.RUNNING])
async def test_cancel_ends_a_job_in_any_state(scene_of, orders_sent, capsys, state):
    async with scene_of(state) as scene:
        starts = len(scene.seen(JobStarted))
        await ask(scene, cancel_job, orders_sent)
        line = capsys.readouterr().out.splitlines()[-1]
        cut = "its attempt 1 was ended" if state is State.RUNNING else "nothing of it was running"
        assert line == f"job {scene.job_id} is cancelled; {cut}"
        cancelled = await scene.event(JobCancelled)
        assert cancelled.by == "ana"
        assert cancelled.attempt == (1 if state is State.RUNNING else None)
        await scene.until(lambda: holds_no_job(scene))
        assert len(scene.seen(JobCancelled)) == 1
        assert len(scene.seen(JobStarted)) == starts
        assert scene.ledger().state is State.CANCELLED


@pytest.mark.parametrize("state", OVER)
@pytest.mark.parametrize(("command", "verb"), [(cancel_job, "cancel"), (run_job_now, "run")])
async def test_a_job_that_is_over_is_left_alone(scene_of, orders_sent, state, command, verb):
    async with scene_of(state) as scene:
        with pytest.raises(NotDone, match=OVER[state]) as error:
            await ask(scene, command, orders_sent)
        assert error.value.exit_code == 1
        assert f", nothing to {verb}" in str(error.value)
        assert orders_sent == []
        dead_jobs = await scene.deployment.count(scene.deployment.topology.dead)
        assert dead_jobs == (state is State.DEAD)
        assert scene.seen(JobCancelled) == []
        assert len(scene.seen(JobReleased)) == 1


@pytest.mark.parametrize("state", WAITING)
async def test_run_now_releases_what_waits(scene_of, orders_sent, capsys, state):
    async with scene_of(state, dirty=True) as scene:
        await ask(scene, run_job_now, orders_sent)
        line = capsys.readouterr().out.splitlines()[-1]
        assert line == f"job {scene.job_id} is released to R, urgent lane"
        released = await scene.event(JobReleased, cause=Cause.ASKED)
        assert (released.lane, released.reason) == (Lane.URGENT, "ana asked to run it now")
        for retried in scene.seen(JobRetried):
            assert released.at < retried.not_before, "its backoff is skipped"
        assert released.piece == (2 if state is State.PAUSED else 1)
        taken = await scene.event(ControlTaken)
        assert (taken.action, taken.by) == ("run_now", "ana")
        await scene.until(lambda: off_the_wheel(scene))


async def off_the_wheel(scene):
    return await scene.deployment.waiting() == 0


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.READY, "is released already, to R"), (State.RUNNING, "runs already")],
)
async def test_run_now_has_nothing_to_add_to_what_is_released(
    scene_of, orders_sent, capsys, state, words
):
    async with scene_of(state) as scene:
        await ask(scene, run_job_now, orders_sent)
        assert words in capsys.readouterr().out
        assert orders_sent == []
        assert len(scene.seen(JobReleased)) == 1


@pytest.mark.parametrize("state", EVERY_STATE)
async def test_pause_holds_a_type_back_until_it_is_resumed(scene_of, orders_sent, capsys, state):
    async with scene_of(state) as scene:
        starts = len(scene.seen(JobStarted))
        await work(scene, PauseWork, orders_sent)
        assert "job type t is paused, what runs goes on; heard by" in capsys.readouterr().out
        if state in {State.SUBMITTED, State.DEFERRED, State.READY, State.PAUSED}:
            held = await scene.event(JobDeferred, cause=Cause.PAUSED)
            assert held.reason.startswith("job type t is paused since ")
            assert len(scene.seen(JobStarted)) == starts
            await scene.until(scene.deployment.waiting)
        if state is State.RETRYING:
            await run_now_is_refused(scene)
        scene.go.set()
        if state is State.RUNNING:
            await scene.event(JobSucceeded)
        releases = len(scene.seen(JobReleased))
        await work(scene, ResumeWork, orders_sent)
        assert "job type t goes on; heard by the scheduler" in capsys.readouterr().out
        # The order to run the retry stands, so it is released without its backoff.
        if state in {State.SUCCEEDED, State.DEAD, State.RUNNING}:
            assert len(scene.seen(JobReleased)) == releases
            return
        await scene.until(lambda: len(scene.seen(JobReleased)) == releases + 1)
        await scene.until(lambda: off_the_wheel(scene))


async def run_now_is_refused(scene):
    with pytest.raises(NotDone, match="it runs when the pause of job type t ends"):
        await run_job_now(scene.places, str(scene.job_id), asking())
    assert len(scene.seen(JobReleased)) == 1


async def work(scene, kind, orders_sent):
    """Pause or resume the type as the commands do; services that are missing start meanwhile."""
    orders_sent.clear()
    asked = kind(id=uuid4(), at=system_clock(), by="ana", job_type="t")
    task = asyncio.ensure_future(ask_for_work(scene.places, asked, asking()))
    await scene.until(lambda: orders_sent)
    await scene.go_on()
    scene.missing = ()
    await task

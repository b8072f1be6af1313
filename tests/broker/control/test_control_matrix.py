"""Every state of a job, and everything that can be asked of it: on a real broker, to the exit code.

The ledger that the commands ask is filled with the events that really happened.
"""

import asyncio
from uuid import uuid4

import pytest

from services.cli.control_jobs import Asking, NotDone, cancel_job, run_job_now
from services.cli.control_work import ask_for_work
from shared.domain.jobs import Lane, State
from shared.domain.reasons import Cause
from shared.messages import (
    ControlTaken,
    JobCancelled,
    JobDeferred,
    JobReleased,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PauseWork,
    ResumeWork,
)
from shared.runtime import system_clock

OVER = {
    State.SUCCEEDED: "already succeeded at ",
    State.DEAD: "already failed for good at ",
    State.CANCELLED: "was cancelled already at ",
    State.EXPIRED: "already expired at ",
}
WAITING = (State.SUBMITTED, State.DEFERRED, State.RETRYING, State.PAUSED)
EVERY_STATE = (*WAITING, State.READY, State.RUNNING, *OVER)


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
        await scene.until(lambda: len(orders_sent) == (state is State.CANCELLED))
        before = list(orders_sent), len(scene.seen(JobReleased)), len(scene.seen(JobCancelled))
        with pytest.raises(NotDone, match=OVER[state]) as error:
            await ask(scene, command, orders_sent)
        assert error.value.exit_code == 1
        assert f", nothing to {verb}" in str(error.value)
        dead_jobs = await scene.deployment.count(scene.deployment.topology.dead)
        assert dead_jobs == (state is State.DEAD)
        after = list(orders_sent), len(scene.seen(JobReleased)), len(scene.seen(JobCancelled))
        assert after == before


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
        if state in {*OVER, State.RUNNING}:
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

"""Handlers of every kind behind a real broker: where their jobs go, and what is told of them."""

import sys
import textwrap

import pytest

from services.worker_pool.processes import Processes
from services.worker_pool.registration import registered
from shared.domain.jobs import Lane
from shared.domain.savings import EnergyMethod
from shared.handlers import Paused, Reject, Retry, StopReason
from shared.messages import (
    JobDied,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    decode_queued,
)

HANDLERS = """
import os
import time
from pydantic import BaseModel
from shared.handlers import handler


class Square(BaseModel):
    number: int


@handler("square", process=True)
def square(payload: Square, context):
    context.progress(0.5, "halfway")
    return {"square": payload.number**2, "pid": os.getpid()}


@handler("spin", process=True, timeout=0.5)
def spin(payload):
    while True:
        sum(range(1000))


@handler("die", process=True)
def die(payload):
    os._exit(9)
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "handlers_behind_a_broker.py").write_text(textwrap.dedent(HANDLERS))
    sys.path.insert(0, str(folder))
    yield "handlers_behind_a_broker"
    sys.path.remove(str(folder))


@pytest.fixture
async def processes(module):
    made = Processes(module, ["/bin/echo"])
    await made.warm(1)
    yield made
    await made.close()


@pytest.fixture
def handlers(module):
    return registered(module, ["/bin/echo"])


async def test_process_handlers_run_report_and_harm_nobody(deployment, until, handlers, processes):
    async with deployment.pool(handlers, processes=processes):
        dead = await deployment.send("die", retries=0)
        endless = await deployment.send("spin", retries=0)
        good = await deployment.send("square", payload={"number": 3})
        echo = await deployment.send("command", payload={"argv": ["/bin/echo", "hi"]})
        await until(lambda: len(deployment.seen(JobSucceeded)) == 2)
        await until(lambda: len(deployment.seen(JobDied)) == 2)
    (squared,) = deployment.seen(JobSucceeded, job_id=good)
    assert squared.result["square"] == 9
    assert (squared.energy_method, squared.piece) == (EnergyMethod.MODELLED, 1)
    assert squared.energy_kwh > 0
    (progress,) = deployment.seen(JobProgressed, job_id=good)
    assert (progress.fraction, progress.message) == (0.5, "halfway")
    (echoed,) = deployment.seen(JobSucceeded, job_id=echo)
    assert echoed.result["stdout_tail"] == "hi\n"
    (died,) = deployment.seen(JobDied, job_id=dead)
    assert died.error == "its process ended by itself with exit code 9"
    (stopped,) = deployment.seen(JobDied, job_id=endless)
    assert stopped.error == "TimeoutError: it ran longer than 0.5 s"
    assert len(deployment.seen(JobStarted)) == 4


async def test_a_payload_that_does_not_fit_is_kept_in_the_dead_queue_with_its_field(
    deployment, until, handlers, processes
):
    async with deployment.pool(handlers, processes=processes):
        job_id = await deployment.send("square", payload={"number": "many"}, retries=5)
        await until(lambda: deployment.seen(JobDied, job_id=job_id))
    message = await deployment.fetch(deployment.topology.dead)
    assert "number: input should be a valid integer" in message.headers["x-reason"]
    assert "x-traceback" not in message.headers, "the handler never ran"
    assert decode_queued(message.body).payload == {"number": "many"}


async def test_a_command_that_is_not_allowed_is_kept_in_the_dead_queue(
    deployment, until, handlers, processes
):
    async with deployment.pool(handlers, processes=processes):
        await deployment.send("command", payload={"argv": ["/bin/sh", "-c", "id"]})
        (died,) = await until(lambda: deployment.seen(JobDied))
    assert died.error == "argv: '/bin/sh' is not allowed here; COMMANDS has /bin/echo"


async def test_retry_and_reject_send_their_jobs_where_they_say(deployment, until):
    async def work(payload, context):
        context.checkpoint({"rows": 10})
        raise {"retry": Retry(90, "busy"), "reject": Reject("no such table")}[payload["what"]]

    async with deployment.pool({"t": work}):
        again = await deployment.send(payload={"what": "retry"}, retries=3)
        gone = await deployment.send(payload={"what": "reject"}, retries=3)
        await until(lambda: deployment.seen(JobDied, job_id=gone))
        (retried,) = await until(lambda: deployment.seen(JobRetried, job_id=again))
        await until(lambda: deployment.count(deployment.topology.submitted))
    message = await deployment.fetch(deployment.topology.submitted)
    queued = decode_queued(message.body)
    assert (queued.job.attempts, queued.checkpoint) == (1, {"rows": 10})
    assert queued.not_before == retried.not_before
    (failed,) = deployment.seen(JobFailed, job_id=again)
    assert 85 <= (retried.not_before - failed.finished_at).total_seconds() <= 95
    assert (await deployment.fetch(deployment.topology.dead)).headers["x-reason"] == "no such table"


async def test_an_uncounted_retry_comes_back_as_the_next_piece(deployment, until):
    async def work(payload, context):
        raise Retry(30, "the share is away", counts=False)

    async with deployment.pool({"t": work}):
        job_id = await deployment.send(retries=0)
        (paused,) = await until(lambda: deployment.seen(JobPaused, job_id=job_id))
        await until(lambda: deployment.count(deployment.topology.submitted))
    assert paused.reason == "the share is away"
    message = await deployment.fetch(deployment.topology.submitted)
    assert message.routing_key == "resume"
    queued = decode_queued(message.body)
    assert (queued.piece, queued.job.attempts) == (2, 0)
    assert queued.not_before is not None


async def test_the_pieces_of_a_job_carry_its_checkpoint_and_are_told_apart(deployment, until):
    async def work(payload, context):
        done = context.restored or 0
        if done < 2:
            context.stop.ask(StopReason.PAUSE, why="the grid is high")
            raise Paused(done + 1)
        return {"pieces": context.piece, "done": done}

    async with deployment.pool({"t": work}):
        job_id = await deployment.send(interruptible=True, power_watts=3600.0)
        for piece in (1, 2):
            await until(lambda n=piece: deployment.seen(JobPaused, job_id=job_id, piece=n))
            await until(lambda: deployment.count(deployment.topology.submitted))
            message = await deployment.fetch(deployment.topology.submitted)
            rest = decode_queued(message.body)
            assert (rest.piece, rest.checkpoint) == (piece + 1, piece)
            # The scheduler would decide; here it goes straight back to the pool.
            await deployment.publisher.ready(rest, "R", Lane.NORMAL)
        (done,) = await until(lambda: deployment.seen(JobSucceeded, job_id=job_id))
    assert done.result == {"pieces": 3, "done": 2}
    paused = deployment.seen(JobPaused, job_id=job_id)
    events = [*paused, done]
    assert len({event.id for event in events}) == 3
    assert all(event.energy_method is EnergyMethod.DECLARED for event in events)
    assert {event.attempt for event in events} == {1}

"""Progress and typed payloads of handlers that run in the worker itself."""

import asyncio
import itertools
import threading
from dataclasses import dataclass

import pytest
import structlog
from pydantic import BaseModel

from services.worker_pool.notes import PROGRESS_SECONDS, Notes
from shared.errors import PublishFailed
from shared.handlers import Handler
from shared.messages import JobDied, JobProgressed, JobSucceeded
from shared.runtime import system_clock


def progress_of(out):
    return [(e.fraction, e.message) for e in out.events if isinstance(e, JobProgressed)]


async def test_of_a_flood_of_progress_few_are_sent_and_always_the_last(pool):
    async def work(payload, context):
        for step in range(1, 1001):
            context.progress(step / 1000, f"step {step}")
            if step % 100 == 0:
                await asyncio.sleep(0)
        return "done"

    out = await pool.run(work)
    told = progress_of(out)
    assert 1 <= len(told) <= 3, "it was over within half a second"
    assert told[-1] == (1.0, "step 1000")
    assert isinstance(out.events[-1], JobSucceeded), "the outcome comes last"


async def test_progress_goes_out_while_the_handler_runs(pool, queued, until):
    go_on = threading.Event()

    def work(payload, context):
        context.progress(None, "loading")
        assert go_on.wait(20)

    task = asyncio.create_task(pool.attempts({"t": work}).run(queued(), "pool", "R"))
    await until(lambda: progress_of(pool.out))
    go_on.set()
    await task
    assert progress_of(pool.out) == [(None, "loading")], "said once, sent once"


async def test_progress_is_sent_about_twice_a_second(until):
    loop = asyncio.get_running_loop()
    sent = []

    async def tell(fraction, message):
        sent.append(loop.time())

    notes = Notes(None, tell, system_clock)

    def said():
        notes.progressed(0.5, None)
        return len(sent) >= 3

    await until(said)
    await notes.close()
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent[:3])]
    assert min(gaps) >= PROGRESS_SECONDS * 0.9, "but for the last, which goes at once"


async def test_progress_that_cannot_be_sent_harms_nobody():
    async def tell(fraction, message):
        raise PublishFailed("no broker")

    notes = Notes(None, tell, system_clock)
    notes.progressed(0.5, None)
    await notes.close()


async def test_dropped_notes_send_nothing_more():
    sent = []

    async def tell(fraction, message):
        sent.append(fraction)

    notes = Notes(None, tell, system_clock)
    notes.drop()
    await notes.close()
    assert sent == []


class Training(BaseModel):
    dataset: str
    epochs: int = 12


@dataclass
class Backup:
    paths: list[str]


async def typed(payload: Training, context):
    return [type(payload).__name__, payload.epochs]


def typed_in_a_thread(payload: Backup):
    return payload.paths


async def test_a_typed_payload_is_validated_before_the_handler_runs(pool, queued):
    out = await pool.run(typed, queued(payload={"dataset": "q3"}))
    assert out.one(JobSucceeded).result == ["Training", 12]


@pytest.mark.parametrize(
    ("work", "payload", "error"),
    [
        (typed, {}, "the payload does not fit its handler: dataset: required"),
        (
            typed,
            {"dataset": "q3", "epochs": "many"},
            (
                "the payload does not fit its handler: epochs: input should be a valid integer, "
                "unable to parse string as an integer (given 'many')"
            ),
        ),
    ],
)
async def test_a_payload_that_does_not_fit_dies_at_once_in_a_line(
    pool, job, queued, work, payload, error
):
    out = await pool.run(work, queued(job(retries=5), payload=payload))
    assert out.names() == ["JobStarted", "JobFailed", "JobDied"]
    assert out.one(JobDied).error == error
    assert out.died[0][1] == error


async def test_dataclasses_and_threads_are_typed_too(pool, queued):

    handler = Handler("t", typed_in_a_thread, takes_context=False)
    out = await pool.run(handler, queued(payload={"paths": ["/a"]}))
    assert out.one(JobSucceeded).result == ["/a"]
    out.events.clear()
    await pool.run(handler, queued(payload={"paths": [1]}))
    assert "paths.0:" in out.one(JobDied).error


async def test_a_checkpoint_that_is_no_small_json_fails_where_it_is_given(pool):
    async def work(payload, context):
        with pytest.raises(ValueError, match="store it elsewhere"):
            context.checkpoint("x" * 70_000)
        with pytest.raises(ValueError, match="is no JSON"):
            context.checkpoint(object())
        return "still here"

    assert (await pool.run(work)).one(JobSucceeded).result == "still here"


async def test_other_libraries_logs_in_a_handlers_thread_name_the_job_too(pool):
    def work(payload, context):
        return structlog.contextvars.get_contextvars()

    done = (await pool.run(work)).one(JobSucceeded)
    assert done.result == {"job_id": "00000000-0000-0000-0000-000000000007", "attempt": 1}


async def test_the_log_of_a_handler_names_its_job(pool, queued):
    def work(payload, context):
        return {
            key: str(value)
            for key, value in context.log._context.items()
            if key in {"job_id", "attempt", "piece", "type"}
        }

    out = await pool.run(work, queued(piece=3))
    assert out.one(JobSucceeded).result == {
        "job_id": "00000000-0000-0000-0000-000000000007",
        "attempt": "1",
        "piece": "3",
        "type": "t",
    }

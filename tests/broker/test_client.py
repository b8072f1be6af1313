"""The clients on a real broker, with a scheduler and a worker pool that answer."""

import asyncio
from uuid import UUID, uuid4

import pytest

from shared.broker.connection import connect
from shared.client import (
    JobClient,
    JobHandle,
    JobRejected,
    JobResult,
    NotAnswered,
)
from shared.client.results import result_of
from shared.domain.jobs import State
from shared.errors import (
    InvalidJob,
    JobFailed,
    PublishFailed,
    WaitTimedOut,
)
from shared.handlers import Reject
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    CancelJob,
    JobCancelled,
    JobDied,
    JobExpired,
    JobSubmit,
    JobSucceeded,
    RunJobNow,
)
from shared.runtime import system_clock


def client_of(deployment, **options):
    return JobClient(deployment.url, namespace=deployment.topology.namespace, **options)


def double(payload, context):
    context.progress(0.5, "half of it")
    return {"n": 2 * payload["n"]}


async def test_a_job_is_submitted_run_and_waited_for(deployment):
    seen = []
    async with (
        deployment.scheduler(),
        deployment.pool({"double": double}),
        client_of(deployment) as client,
    ):
        job = await client.submit("double", {"n": 21}, wait_accepted=True, priority="critical")
        result = await client.wait(job, timeout_seconds=20, on_progress=seen.append)
    assert job.duplicate is False
    assert result == JobResult(job.id, State.SUCCEEDED, {"n": 42})
    assert result.expect() == {"n": 42}
    assert all(event.job_id == job.id for event in seen)


async def test_progress_and_every_event_are_heard(deployment, until):
    go = asyncio.Event()

    async def slow(payload, context):
        await go.wait()
        context.progress(0.5, "half of it")

    progress, events = [], []
    async with (
        deployment.scheduler(),
        deployment.pool({"slow": slow}),
        client_of(deployment) as client,
    ):
        job = await client.submit("slow", priority="critical")
        waiting = asyncio.create_task(
            client.wait(
                job, timeout_seconds=20, on_progress=progress.append, on_event=events.append
            )
        )
        await until(lambda: [event for event in events if event.type == "job.started.v1"])
        go.set()
        await waiting
    assert [(event.fraction, event.message) for event in progress] == [(0.5, "half of it")]
    assert events[-1].type == "job.succeeded.v1"


async def test_a_callback_that_breaks_is_its_callers_error_and_not_the_jobs(deployment):
    def broken(event):
        raise ZeroDivisionError("in the callback")

    async with (
        deployment.scheduler(),
        deployment.pool({"double": double}),
        client_of(deployment) as client,
    ):
        job = await client.submit("double", {"n": 1}, priority="critical")
        with pytest.raises(ZeroDivisionError, match="in the callback"):
            await client.wait(job, timeout_seconds=20, on_event=broken)
        assert (await client.wait(job, timeout_seconds=20)).succeeded


async def test_a_job_that_ended_before_anybody_waited_is_still_known(deployment, until):
    async with (
        deployment.scheduler(),
        deployment.pool({"double": double}),
        client_of(deployment) as client,
    ):
        job = await client.submit("double", {"n": 1}, priority="critical")
        await until(lambda: deployment.seen(JobSucceeded, job_id=job.id))
        assert (await client.wait(job.id, timeout_seconds=10)).result == {"n": 2}
        assert (await client.wait(str(job.id), timeout_seconds=10)).succeeded


async def test_a_job_that_dies_says_why(deployment):
    def refuse(payload, context):
        raise Reject("no such table")

    async with (
        deployment.scheduler(),
        deployment.pool({"refuse": refuse}),
        client_of(deployment) as client,
    ):
        job = await client.submit("refuse", priority="critical")
        result = await client.wait(job, timeout_seconds=20)
    assert (result.state, result.succeeded) == (State.DEAD, False)
    with pytest.raises(JobFailed, match=r"is dead: .*no such table"):
        result.expect()


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (lambda job: JobDied(id=uuid4(), at=system_clock(), job_id=job, attempt=1, error="x"),
         State.DEAD),
        (lambda job: JobCancelled(id=uuid4(), at=system_clock(), job_id=job, by="ana", reason="x"),
         State.CANCELLED),
        (lambda job: JobExpired.model_construct(
            id=uuid4(), at=system_clock(), job_id=job, reason="x"), State.EXPIRED),
    ],
)  # fmt: skip
async def test_every_ending_is_a_result(deployment, event, state):
    job_id = uuid4()
    assert result_of(event(job_id)) == JobResult(job_id, state, error="x")


async def test_a_key_gives_the_first_jobs_id(deployment):
    async with deployment.scheduler(), client_of(deployment) as one, client_of(deployment) as two:
        first = await one.submit("t", {"n": 1}, idempotency_key="k")
        handles = await asyncio.gather(
            *(two.submit("t", {"n": 1}, idempotency_key="k") for _ in range(10))
        )
        with pytest.raises(JobRejected, match="'k' stands for another type or payload"):
            await two.submit("t", {"n": 2}, idempotency_key="k")
    assert first == JobHandle(first.id, duplicate=False)
    assert set(handles) == {JobHandle(first.id, duplicate=True)}


async def test_a_rejection_is_raised_with_its_reason(deployment):
    async with deployment.scheduler(), client_of(deployment) as client:
        with pytest.raises(JobRejected, match="'MARS' is not served here; use one of R"):
            await client.submit("t", region="MARS", wait_accepted=True)


async def test_without_a_scheduler_the_job_is_safe_and_that_is_said(deployment):
    async with client_of(deployment) as client:
        with pytest.raises(NotAnswered, match="the broker has job") as error:
            await client.submit("t", wait_accepted=True, answer_seconds=0.2)
        assert error.value.exit_code == 124
        assert await deployment.count(deployment.topology.submitted) == 1
        with pytest.raises(WaitTimedOut, match=r"has not ended after 0.2 s; it goes on"):
            await client.wait(error.value.job, timeout_seconds=0.2)


async def test_wrong_fields_are_named_before_anything_is_sent(deployment):
    async with client_of(deployment) as client:
        with pytest.raises(InvalidJob, match="max_band"):
            await client.submit("t", max_band="green")
        with pytest.raises(InvalidJob, match="colour: unknown field; known are type, payload"):
            await client.submit_many([{"type": "t"}, {"type": "t", "colour": "green"}])
        with pytest.raises(InvalidJob, match="takes no payload or fields"):
            await client.submit(JobSubmit(type="t"), {"n": 1})
        with pytest.raises(ValueError, match="'17' is no job id"):
            await client.cancel("17")
    assert await deployment.count(deployment.topology.submitted) == 0


async def test_a_client_that_did_nothing_leaves_nothing_open(deployment, until):
    before = asyncio.all_tasks()
    async with client_of(deployment):
        pass
    await until(lambda: asyncio.all_tasks() <= before, 5)


async def test_many_jobs_are_confirmed_together_and_in_order(deployment):
    ids = [uuid4() for _ in range(500)]
    async with client_of(deployment, results=False) as client:
        jobs = [JobSubmit(type="t", id=each) for each in ids]
        handles = await client.submit_many(jobs)
        assert [handle.id for handle in handles] == ids
        with pytest.raises(ValueError, match="results=False"):
            await client.wait(ids[0])
    assert await deployment.count(deployment.topology.submitted) == 500


async def test_jobs_that_are_not_confirmed_are_counted(deployment, monkeypatch):
    async with client_of(deployment) as client:

        async def fail(job, **options):
            if job.payload:
                raise PublishFailed("the broker is full")

        monkeypatch.setattr(client._publisher, "submit", fail)
        with pytest.raises(PublishFailed, match="1 of 3 jobs were not confirmed: the broker is"):
            await client.submit_many(
                [{"type": "t"}, {"type": "t", "payload": {"n": 1}}, {"type": "t"}]
            )


async def test_wishes_reach_the_control_log(deployment, until, orders_sent):
    job_id = uuid4()
    async with client_of(deployment) as client:
        await client.cancel(job_id, by="ana", reason="wrong data")
        await client.run_now(JobHandle(job_id), by="ana")
        await until(lambda: len(orders_sent) == 2)
    cancel, run_now = orders_sent
    assert isinstance(cancel, CancelJob)
    assert isinstance(run_now, RunJobNow)
    assert (cancel.job_id, cancel.by, cancel.reason) == (job_id, "ana", "wrong data")
    assert (run_now.job_id, run_now.by) == (job_id, "ana")


async def test_the_ledger_knows_what_ended_before_the_client_came(deployment, tmp_path):
    url, job_id, now = f"sqlite:///{tmp_path / 'ledger.db'}", uuid4(), system_clock()
    migrate(url)
    engine = open_engine(url)
    died = JobDied(id=uuid4(), at=now, job_id=job_id, attempt=1, error="it broke")
    async with client_of(deployment, ledger_url=url) as client:
        with pytest.raises(WaitTimedOut):
            await client.wait(job_id, timeout_seconds=0.2)
        with writing(engine) as connection:
            record(connection, [died])
        result = await client.wait(job_id, timeout_seconds=10)
    engine.dispose()
    assert (result.state, result.error) == (State.DEAD, "it broke")


async def test_a_client_listens_again_after_its_connection_was_lost(deployment, until, monkeypatch):
    opened = []

    async def noted(*args, **options):
        opened.append(await connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr("shared.client.listener.connect", noted)
    async with client_of(deployment) as client:
        await opened[0].close()
        job_id = UUID(int=3)
        died = JobDied(id=uuid4(), at=system_clock(), job_id=job_id, attempt=1, error="x")
        waiting = asyncio.create_task(client.wait(job_id, timeout_seconds=20))

        async def told():
            await deployment.publisher.event(died)
            return waiting.done()

        await until(told)
        assert (await waiting).state is State.DEAD

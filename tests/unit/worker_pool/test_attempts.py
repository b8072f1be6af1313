"""One attempt: its events, its retries, its end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.worker_pool.attempts import Attempts
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.domain.savings import EnergyMethod
from shared.errors import ConfigurationError
from shared.handlers import Handler, handler, load_handlers
from shared.messages import JobDied, JobFailed, JobRetried, JobStarted, JobSucceeded, QueuedJob

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = Job(
    UUID(int=7),
    "t",
    Priority.NORMAL,
    Band.LOW,
    NOW,
    NOW + timedelta(hours=1),
    600.0,
    ("R",),
    power_watts=3600.0,
    retries=1,
)


TWO_FOR_ONE_TYPE = """
from shared.handlers import handler
@handler("t")
def f(p): ...
@handler("t")
def g(p): ...
"""


class Out:
    """Stands where the publisher stands and keeps what it is given."""

    def __init__(self):
        self.events, self.retried, self.died = [], [], []

    async def event(self, event):
        self.events.append(event)

    async def retry(self, job):
        self.retried.append(job)

    async def dead(self, job, reason, traceback=None):
        self.died.append((job, reason))


class Ticking:
    """A clock that is ten seconds later each time it is read."""

    def __init__(self):
        self.now = NOW - timedelta(seconds=10)

    def __call__(self):
        self.now += timedelta(seconds=10)
        return self.now


async def attempt(function, job=JOB, payload=None, *, context=True):
    out = Out()
    handlers = {"t": Handler("t", function, takes_context=context)}
    with ThreadPoolExecutor(1) as threads:
        attempts = Attempts(handlers, out, threads, Ticking(), lambda: 0.0)
        await attempts.run(QueuedJob(job=job, payload=payload or {}), "pool", "R")
    return out


def kinds(out):
    return [type(event) for event in out.events]


async def test_a_success_tells_its_energy_and_its_result():
    async def work(payload, context):
        return {"n": payload["n"], "attempt": context.attempt}

    out = await attempt(work, payload={"n": 3})
    assert kinds(out) == [JobStarted, JobSucceeded]
    done = out.events[1]
    assert done.result == {"n": 3, "attempt": 1}
    assert done.energy_kwh == pytest.approx(0.01), "3,600 W for 10 s"
    assert done.energy_method is EnergyMethod.DECLARED


async def test_a_plain_function_runs_in_a_thread():
    loop_thread = asyncio.get_running_loop()

    def work(payload):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return loop_thread.is_running()

    out = await attempt(work, context=False)
    assert out.events[1].result is True


async def test_a_failure_goes_back_to_the_scheduler_with_a_backoff():
    def work(payload, context):
        raise ValueError("no disk\nleft")

    out = await attempt(work)
    assert kinds(out) == [JobStarted, JobFailed, JobRetried]
    failed, retried = out.events[1:]
    assert failed.error == "ValueError: no disk left"
    assert "no disk" in failed.traceback
    assert failed.energy_kwh == pytest.approx(0.01), "failed energy counts"
    (again,) = out.retried
    assert (again.job.attempts, again.not_before) == (1, retried.not_before)


async def test_the_last_failure_is_kept_in_the_dead_queue():
    def work(payload, context):
        raise ValueError("still no disk")

    out = await attempt(work, replace(JOB, attempts=1))
    assert kinds(out) == [JobStarted, JobFailed, JobDied]
    ((dead, reason),) = out.died
    assert (dead.job.attempts, reason) == (2, "ValueError: still no disk")
    assert out.retried == []


async def test_an_unknown_type_dies_at_once_with_the_known_types():
    out = await attempt(lambda p, c: None, replace(JOB, type="typo"))
    assert kinds(out) == [JobFailed, JobDied]
    assert out.events[0].error == "no handler for the type 'typo'; known types: t"


async def test_a_handler_that_runs_too_long_fails():
    async def work(payload, context):
        await asyncio.Event().wait()

    out = await attempt(work, replace(JOB, timeout_seconds=0.01))
    assert out.events[1].error == "TimeoutError: it ran longer than 0.01 s"


async def test_a_result_that_is_no_small_json_is_an_error_that_says_so():
    out = await attempt(lambda p, c: "x" * 70_000)
    assert "store it elsewhere" in out.events[1].error
    out = await attempt(lambda p, c: object())
    assert isinstance(out.events[1], JobFailed)


async def test_a_repeated_attempt_has_the_same_event_ids():
    first = await attempt(lambda p, c: 1)
    second = await attempt(lambda p, c: 1)
    assert [event.id for event in first.events] == [event.id for event in second.events]


async def test_a_silent_job_on_the_event_loop_has_no_energy():
    async def work(payload, context):
        return 1

    out = await attempt(work, replace(JOB, power_watts=None))
    assert (out.events[1].energy_kwh, out.events[1].energy_method) == (None, None)


def test_the_demos_handlers_are_found_by_their_marks():
    found = load_handlers("services.demo.handlers")
    assert sorted(found) == [
        "database_backup",
        "fraud_check",
        "ml_training",
        "nightly_report",
        "video_transcode",
    ]
    assert found["ml_training"].takes_context
    assert not found["fraud_check"].takes_context


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("x = 1", "has no handler"),
        ("def f(:", "SyntaxError"),
        (
            "from shared.handlers import handler\n@handler('t')\ndef f(): ...",
            "must take .payload. or .payload, context., not 0",
        ),
        (
            TWO_FOR_ONE_TYPE,
            "two handlers for 't'",
        ),
    ],
)
def test_a_broken_handlers_module_is_one_clear_line(tmp_path, monkeypatch, source, hint):
    name = f"users_handlers_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=hint) as caught:
        load_handlers(name)
    assert "\n" not in str(caught.value)


def test_marking_leaves_a_function_as_it_is():
    @handler("t")
    def work(payload):
        return payload

    assert work({"a": 1}) == {"a": 1}


async def quit_later(payload, context):
    await asyncio.sleep(0)
    raise SystemExit(3)


async def cancel_itself(payload, context):
    raise asyncio.CancelledError


def quit_now(payload, context):
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("work", "hint"),
    [
        (quit_now, "SystemExit: 3"),
        (quit_later, "SystemExit: 3"),
        (cancel_itself, "cancelled itself"),
    ],
)
async def test_a_handler_that_tries_to_end_the_process_ends_its_attempt(work, hint):
    out = await attempt(work)
    assert kinds(out) == [JobStarted, JobFailed, JobRetried]
    assert hint in out.events[1].error


async def test_a_job_that_took_its_worker_down_too_often_is_kept_aside():
    out = Out()
    attempts = Attempts({}, out, None, Ticking(), lambda: 0.0)
    await attempts.give_up(QueuedJob(job=JOB), "pool", "R", 4)
    assert kinds(out) == [JobFailed, JobDied]
    assert "its worker ended 4 times" in out.died[0][1]

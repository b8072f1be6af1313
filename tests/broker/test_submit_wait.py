"""`submit --wait` with everything that it needs: a scheduler, a pool, and a ledger."""

import asyncio
import json
import os
import signal
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from services.cli import job_progress
from services.cli.settings import CliSettings, Places
from services.cli.submit import wait_for_end
from services.cli.submit_view import WaitOptions, submit_job
from services.ledger.recorder import Recorder
from services.ledger.service import Batching, Ledger
from shared.broker.connection import keep_connected
from shared.client import JobClient
from shared.errors import JobFailed, LedgerUnreachable, WaitTimedOut
from shared.handlers import Reject
from shared.ledger.schema import migrate, open_engine
from shared.messages import CancelJob, JobDied, JobProgressed, JobStarted, JobSubmit
from shared.runtime import system_clock, system_random

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ledger_url(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    return url


@pytest.fixture
def places(deployment, ledger_url):
    settings = CliSettings(
        regions=("R",), wheel_slots=30, namespace=deployment.topology.namespace, _env_file=None
    )
    return Places(settings, deployment.url, ledger_url, "the test")


@asynccontextmanager
async def recording(deployment, ledger_url):
    """The ledger, inside the test."""
    engine, stop = open_engine(ledger_url), asyncio.Event()
    batching = Batching(events=50, seconds=0.01, prefetch=100)
    queue = deployment.topology.ledger_events
    ledger = Ledger(Recorder(engine), deployment.publisher, queue, batching, stop, system_clock)
    task = asyncio.create_task(
        keep_connected(deployment.url, "ledger", ledger.session, stop, system_random)
    )
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task
        engine.dispose()


def a_job(job_type="work", **fields):
    return JobSubmit(type=job_type, id=uuid4(), priority="critical", **fields)


async def work(payload, context):
    context.progress(0.4, "epoch 4")
    return {"epochs": 10}


def refuse(payload, context):
    raise Reject("no such table")


async def test_the_end_is_the_job_as_status_prints_it(deployment, places, ledger_url, capsys):
    job = a_job()
    async with (
        deployment.scheduler(),
        deployment.pool({"work": work}),
        recording(deployment, ledger_url),
    ):
        await submit_job(places, job, WaitOptions(30), as_json=True)
    told = capsys.readouterr()
    status = json.loads(told.out.splitlines()[-1])
    assert (status["id"], status["state"]) == (str(job.id), "succeeded")
    assert status["result"] == {"epochs": 10}
    lines = [line for line in told.err.splitlines() if not line.startswith("{")]
    assert [line.split()[0] for line in lines][-1] == "succeeded"


async def test_a_job_that_dies_is_an_error_after_its_status(deployment, places, ledger_url, capsys):
    async with (
        deployment.scheduler(),
        deployment.pool({"refuse": refuse}),
        recording(deployment, ledger_url),
    ):
        with pytest.raises(JobFailed, match="no such table; see `carbon-aware why") as error:
            await submit_job(places, a_job("refuse"), WaitOptions(30), as_json=False)
    assert error.value.exit_code == 3
    assert "no such table" in capsys.readouterr().out


async def test_the_wait_has_an_end_and_the_job_goes_on(deployment, places):
    async with deployment.scheduler():
        with pytest.raises(WaitTimedOut, match=r"after 0.5 s \(last heard: released\)") as error:
            await submit_job(places, a_job(), WaitOptions(0.5), as_json=True)
    assert error.value.exit_code == 124


async def test_a_key_that_is_known_waits_for_the_first_job(deployment, places, ledger_url, capsys):
    async with (
        deployment.scheduler(),
        deployment.pool({"work": work}),
        recording(deployment, ledger_url),
    ):
        first = a_job(idempotency_key="k")
        await submit_job(places, first, WaitOptions(30), as_json=True)
        await submit_job(places, a_job(idempotency_key="k"), WaitOptions(30), as_json=True)
        await submit_job(places, a_job(idempotency_key="k"), None, as_json=True)
    told = capsys.readouterr()
    *ends, answer = [json.loads(line) for line in told.out.splitlines() if '"id"' in line][-3:]
    assert [end["id"] for end in ends] == [str(first.id)] * 2
    assert answer == {
        "id": str(first.id),
        "accepted": True,
        "answered": True,
        "duplicate": True,
    }
    assert f"not placed again: job {first.id} was first" in told.err


async def test_a_ledger_that_does_not_hear_of_the_end_is_said(
    deployment, places, ledger_url, monkeypatch
):
    monkeypatch.setattr("services.cli.submit.LEDGER_SECONDS", 0.2)
    job_id, engine = UUID(int=5), open_engine(ledger_url)
    async with JobClient(deployment.url, namespace=places.settings.namespace) as client:
        ending = asyncio.create_task(_die(deployment, job_id))
        with pytest.raises(LedgerUnreachable, match="is dead, but the ledger has not heard of it"):
            await wait_for_end(client, engine, job_id, 20, clock=system_clock, show=lambda _: None)
        await ending
    engine.dispose()


async def _die(deployment, job_id):
    await deployment.publisher.event(
        JobDied(id=uuid4(), at=system_clock(), job_id=job_id, attempt=1, error="it broke")
    )


@pytest.mark.parametrize("cancel", [False, True])
async def test_an_interrupted_wait_leaves_the_job_running_unless_asked(
    deployment, until, ledger_url, tmp_path, orders_sent, cancel
):
    """A real Ctrl-C: SIGINT to the real command."""
    options = ["--cancel-on-interrupt"] if cancel else []
    async with deployment.scheduler(), deployment.pool({"work": _until_asked}):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli", "submit", "work", "--wait"),
            *("--priority", "critical", *options),
            cwd=tmp_path,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "AMQP_URL": deployment.url,
                "NAMESPACE": deployment.topology.namespace,
                "LEDGER_URL": ledger_url,
                "REGIONS": "R",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        (started,) = await until(lambda: deployment.seen(JobStarted), 30)
        async with asyncio.timeout(20):
            said = await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            _, told = await process.communicate()
        if cancel:
            (asked,) = await until(lambda: orders_sent)
            assert isinstance(asked, CancelJob)
            assert asked.job_id == started.job_id
        GO.set()
    assert said.split()[0] in {b"accepted", b"released", b"started", b"progress"}
    assert process.returncode == 130
    expected = f"asked to cancel job {started.job_id}" if cancel else "goes on; follow it with"
    assert expected in told.decode()
    assert "Traceback" not in told.decode()
    assert bool(orders_sent) is cancel


GO = threading.Event()


def _until_asked(payload, context):
    GO.clear()
    context.progress(0.1, "begun")
    while not (GO.wait(0.05) or context.should_stop):
        pass


def test_on_a_terminal_progress_is_a_bar(monkeypatch):
    out = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(job_progress, "error_console", lambda: out)
    now = system_clock()
    told = {"id": uuid4(), "at": now, "job_id": uuid4(), "started_at": now}
    run = {**told, "attempt": 1, "pool": "p", "region": "R"}
    with job_progress.progress_shown() as show:
        show(JobStarted(**run))
        show(JobProgressed(**run, fraction=0.4, message="epoch 4"))
    shown = out.export_text()
    assert "progress 40 %, epoch 4" in shown
    assert "━" in shown


def test_elsewhere_progress_is_a_line_for_each_event(capsys):
    now = system_clock()
    told = {"id": uuid4(), "at": now, "job_id": uuid4(), "started_at": now}
    run = {**told, "attempt": 1, "pool": "p", "region": "R"}
    with job_progress.progress_shown() as show:
        show(JobProgressed(**run, fraction=0.4, message="epoch 4"))
    assert capsys.readouterr().err == "progress 40 %, epoch 4\n"

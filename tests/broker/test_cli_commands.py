"""The commands against a real RabbitMQ, with a real scheduler that answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractConnection

from services.cli.broker_checks import check_broker
from services.cli.findings import Mark
from services.cli.settings import CliSettings, Places
from services.cli.setup import set_up
from services.cli.submit_view import submit_job
from services.cli.watch import follow, live_events
from services.scheduler.service import Scheduler
from services.scheduler.settings import SchedulerSettings
from shared.broker.connection import connect
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, message_counts
from shared.catalogue import Door
from shared.client import JobRejected
from shared.domain.bands import Band
from shared.domain.decisions import Rules
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.timetable import Wheel
from shared.errors import ConfigurationError
from shared.messages import AnyEvent, IntensityUpdated, JobDied, JobSubmit, message_name
from shared.runtime import system_clock

REGION = "CAISO_NORTH"


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    connection = await connect(amqp_url, "test")
    yield connection
    await connection.close()


@pytest.fixture
async def places(amqp_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Places]:
    """A deployment with a small wheel, which is taken away again."""
    settings = CliSettings(regions=(REGION,), wheel_slots=4, slot_seconds=60, namespace=namespace)
    ledger_url = f"sqlite:///{tmp_path / 'ledger.db'}"
    yield Places(settings, amqp_url, ledger_url, "the test")
    names = topology(settings)
    # Not by the scheduler's connection, on which its last words may still be under way.
    async with await connect(amqp_url, "test") as connection:
        channel = await connection.channel()
        for queue in names.queues():
            await channel.queue_delete(queue.name)
        for exchange in names.exchanges():
            await channel.exchange_delete(exchange.name)


def topology(settings: CliSettings) -> Topology:
    return Topology(settings.regions, settings.wheel_slots, settings.namespace)


async def set_up_places(places: Places) -> list[str]:
    return await set_up(places.settings, places.amqp_url, places.ledger_url)


@pytest.fixture
async def publisher(places: Places) -> AsyncIterator[Publisher]:
    await set_up_places(places)
    publisher = Publisher(places.amqp_url, topology(places.settings), "test")
    yield publisher
    await publisher.close()


@pytest.fixture
async def scheduler(
    places: Places, publisher: Publisher, connection: AbstractConnection
) -> AsyncIterator[None]:
    """A scheduler that leads."""
    settings = SchedulerSettings(regions=(REGION,))
    scheduler = Scheduler(
        topology(places.settings),
        Door({}, settings),
        Wheel(60, 4),
        Rules(),
        publisher,
        system_clock,
        "test",
    )
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.session(connection, stop, 0.1))
    yield
    stop.set()
    await running


def a_job(**fields: object) -> JobSubmit:
    return JobSubmit.model_validate({"type": "ml_training", "id": uuid4(), **fields})


def died(job: JobSubmit) -> JobDied:
    assert job.id is not None
    return JobDied(id=uuid4(), at=system_clock(), job_id=job.id, attempt=1, error="it broke")


@pytest.mark.usefixtures("scheduler")
async def test_the_scheduler_answers(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    job = a_job()
    await submit_job(places, job, None, as_json=True, answer_seconds=20)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"id": str(job.id), "accepted": True, "answered": True, "duplicate": False}
    await submit_job(places, a_job(), None, as_json=False, answer_seconds=20)
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()[-1]) == 36  # the id alone, for scripts
    assert captured.err.startswith("accepted; follow it with")


@pytest.mark.usefixtures("scheduler")
async def test_a_rejection_has_its_reason(places: Places) -> None:
    with pytest.raises(
        JobRejected, match="'MARS' is not served here; use one of CAISO_NORTH"
    ) as error:
        await submit_job(places, a_job(region="MARS"), None, as_json=True, answer_seconds=20)
    assert error.value.exit_code == 1


@pytest.mark.usefixtures("publisher")
async def test_without_a_scheduler_the_job_is_safe_and_that_is_said(
    places: Places, connection: AbstractConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    await submit_job(places, a_job(), None, as_json=True, answer_seconds=0.1)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["accepted"] is True
    assert captured.err == "published and confirmed; no scheduler has answered yet\n"
    submitted = topology(places.settings).submitted.name
    assert await message_counts(connection, [submitted]) == {submitted: 1}


async def test_a_broker_that_was_not_set_up_is_said_at_once(places: Places) -> None:
    with pytest.raises(ConfigurationError, match="run `carbon-aware setup` once"):
        await submit_job(places, a_job(), None, as_json=True)
    with pytest.raises(ConfigurationError, match="run `carbon-aware setup` once"):
        async with live_events(places):
            pass


async def test_setup_says_what_there_is_and_may_be_repeated(places: Places) -> None:
    first = await set_up_places(places)
    assert first == await set_up_places(places)
    assert first[0].startswith("ledger: tables of version ")
    assert f"with the prefix {places.settings.namespace}" in first[1]


async def test_watching_a_job_ends_with_it(places: Places, publisher: Publisher) -> None:
    mine, other = a_job(), a_job()
    shown: list[AnyEvent] = []
    async with live_events(places) as next_event:
        await publisher.event(died(other))
        await publisher.event(died(mine))
        await follow(next_event, shown.append, job_id=mine.id)
    assert [event.job_id for event in shown if isinstance(event, JobDied)] == [mine.id]


async def test_watching_everything_shows_jobs_and_the_grid(
    places: Places, publisher: Publisher
) -> None:
    now = system_clock()
    reading = Reading(REGION, now, 300.0, Signal.MARGINAL, "watttime", True, 200.0, 30.0)
    update = IntensityUpdated(
        id=uuid4(), at=now, reading=reading, band=Band.LOW, freshness=Freshness.LIVE
    )
    async with live_events(places) as next_event:
        await publisher.broadcast(update, REGION)
        await publisher.event(died(a_job()))
        names = {message_name(await next_event()) for _ in range(2)}
    assert names == {"intensity.updated.v1", "job.died.v1"}


async def test_the_doctor_sees_what_is_missing_and_what_is_there(places: Places) -> None:
    before = {finding.name: finding async for finding in check_broker(places)}
    assert before["broker"].detail.startswith("RabbitMQ ")
    assert before["topology"].mark is Mark.FAILED
    assert "run `carbon-aware setup` once" in str(before["topology"].fix)
    await set_up_places(places)
    after = {finding.name: finding async for finding in check_broker(places)}
    assert after["topology"].mark is Mark.OK
    names = topology(places.settings)
    counts = f"{len(names.exchanges())} exchanges and {len(names.queues())} queues"
    assert after["topology"].detail == counts
    assert "long jobs" in after

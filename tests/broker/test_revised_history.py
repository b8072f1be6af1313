"""A source revises its history: the publisher tells it, and accounts get a second version.

The emulator replays at 300x, so that a point of the grid lasts a second and a week half an hour.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aio_pika.abc import AbstractConnection
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain, Link
from services.intensity_publisher.metrics import Metrics
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.service import IntensityPublisher, Method
from services.intensity_publisher.settings import BandMode
from services.intensity_publisher.sources import archives
from services.ledger.recorder import Recorder
from services.ledger.service import Batching, Ledger
from services.watttime_emulator.accounts import Accounts, Plan, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.faults import Faults
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import DEMO_START, Replay
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import bundled_trace
from shared.broker.connection import keep_connected
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.domain.revisions import RevisionCause
from shared.domain.savings import EnergyMethod
from shared.errors import NotFound
from shared.ledger import reads
from shared.ledger.schema import migrate, open_engine
from shared.messages import IntensityRevised, IntensityUpdated, JobAccepted, JobSucceeded
from shared.runtime import system_clock, system_random

PASSWORD = "sun-and-wind-1"
WEEK_SECONDS = 2016.0
LIMIT_SECONDS = 60.0


@pytest.fixture
def emulator() -> Emulator:
    """WattTime for the region of the deployment."""
    trace = bundled_trace()
    replay = Replay(trace, began=system_clock(), start=trace.place_of(DEMO_START), speed=300)
    return Emulator(
        clock=system_clock,
        sleep=asyncio.sleep,
        regions={"R": Region("R", replay)},
        accounts=Accounts(User("someone", PASSWORD, Plan.FULL)),
        tokens=Tokens(b"k" * 32),
    )


@pytest.fixture
async def engine(deployment: Any, tmp_path: Path) -> AsyncIterator[Engine]:
    """The ledger's database, while a ledger writes into it."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    opened, stop = open_engine(url), asyncio.Event()
    recorder = Recorder(opened, system_clock)
    queue = deployment.topology.ledger_events
    batching = Batching(500, 0.01, 1000)
    ledger = Ledger(recorder, deployment.publisher, queue, batching, stop, system_clock)
    async with running(deployment, ledger.session, stop):
        yield opened
    opened.dispose()


@asynccontextmanager
async def publishing(deployment: Any, emulator: Emulator) -> AsyncIterator[None]:
    """A publisher that reads the history again every half second."""
    transport = httpx.ASGITransport(build_app(emulator))
    client = httpx.AsyncClient(base_url="http://emulator", transport=transport)
    links = {"R": [Link(WattTime(client, "someone", PASSWORD, system_clock), 3.0)]}
    service = IntensityPublisher(
        Chain(links),
        Backfill(archives(links)),
        deployment.publisher,
        deployment.topology,
        Method(BandMode.RELATIVE, WEEK_SECONDS, reread_seconds=0.5),
        Metrics(CollectorRegistry()),
        system_clock,
        system_random,
    )
    stop = asyncio.Event()

    async def session(connection: AbstractConnection) -> None:
        await service.session(connection, stop)

    async with client, running(deployment, session, stop):
        yield


@asynccontextmanager
async def running(deployment: Any, session: Any, stop: asyncio.Event) -> AsyncIterator[None]:
    """A service that runs inside the test."""
    task = asyncio.create_task(keep_connected(deployment.url, "test", session, stop, system_random))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


def life(job_id: UUID, submitted_at: datetime) -> tuple[JobAccepted, JobSucceeded]:
    """A job of 1 kWh that waited 60 points of the grid and ran for 30."""
    started_at = submitted_at + timedelta(seconds=60)
    finished_at = started_at + timedelta(seconds=30)
    deadline = submitted_at + timedelta(hours=1)
    job = Job(job_id, "t", Priority.NORMAL, Band.LOW, submitted_at, deadline, 30.0, ("R",))
    return (
        JobAccepted(id=uuid4(), at=submitted_at, job_id=job_id, job=job),
        JobSucceeded(
            id=uuid4(),
            at=finished_at,
            job_id=job_id,
            attempt=1,
            pool="p:R",
            region="R",
            started_at=started_at,
            finished_at=finished_at,
            energy_kwh=1.0,
            energy_method=EnergyMethod.MEASURED,
        ),
    )


def status(engine: Engine, job_id: UUID) -> reads.JobStatus | None:
    """A job whose account is known; None before."""
    try:
        job = reads.job_status(engine, job_id)
    except NotFound:
        return None
    return job if job.avoided_g is not None else None


def asked(emulator: Emulator) -> int:
    """How often the history was asked for."""
    return sum(n for (path, *_), n in emulator.tally.items() if path == "/v3/historical")


async def test_a_revised_history_gives_an_account_its_second_version(
    deployment: Any, emulator: Emulator, engine: Engine, until: Any
) -> None:
    job_id = uuid4()
    async with publishing(deployment, emulator):
        await until(lambda: len(deployment.seen(IntensityUpdated)) > WEEK_SECONDS, LIMIT_SECONDS)
        # Of what is read again soon: two days of the recording are 576 s.
        for event in life(job_id, system_clock() - timedelta(seconds=400)):
            await deployment.publisher.event(event)
        first = await until(lambda: status(engine, job_id), LIMIT_SECONDS)
        assert (first.account_version, first.account_revisions) == (1, ())
        emulator.switch(Faults(revised_percent=-20))
        second = await until(
            lambda: (job := status(engine, job_id)) and job.account_version > 1 and job,
            LIMIT_SECONDS,
        )
    (kept,) = second.account_revisions
    assert (second.account_version, kept.cause) == (2, RevisionCause.REVISED)
    assert (kept.revised_readings, kept.sources) == (kept.readings, ("watttime",))
    assert (kept.was.emissions_g, kept.was.avoided_g) == (first.emissions_g, first.avoided_g)
    assert second.emissions_g == pytest.approx(0.8 * first.emissions_g, rel=1e-3)
    assert second.baseline_g == pytest.approx(0.8 * first.baseline_g, rel=1e-3)
    assert second.simulated
    (sums,) = reads.revised_accounts(engine, kept.at, kept.at + timedelta(seconds=1))
    assert sums.avoided_change_g == pytest.approx(second.avoided_g - first.avoided_g)


async def test_the_next_publisher_does_not_tell_the_same_revision_again(
    deployment: Any, emulator: Emulator, until: Any
) -> None:
    async with publishing(deployment, emulator):
        await until(lambda: deployment.seen(IntensityUpdated), LIMIT_SECONDS)
        emulator.switch(Faults(revised_percent=-20))
        await until(lambda: len(told(deployment)) > 400, LIMIT_SECONDS)
    before = asked(emulator)
    async with publishing(deployment, emulator):
        await until(lambda: asked(emulator) >= before + 3, LIMIT_SECONDS)
    assert len(set(told(deployment))) == len(told(deployment))


def told(deployment: Any) -> list[tuple[datetime, float]]:
    """Every revised point so far."""
    return [
        (point.at, point.intensity_g_per_kwh)
        for event in deployment.seen(IntensityRevised)
        for point in event.points
    ]

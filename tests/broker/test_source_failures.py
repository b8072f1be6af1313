"""Every way in which WattTime can fail: what is broadcast then, and that deadlines are kept.

The emulator replays at 300x, so that a point of the grid lasts a second.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain, Link
from services.intensity_publisher.metrics import Metrics
from services.intensity_publisher.providers import Observation
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.service import IntensityPublisher, Method
from services.intensity_publisher.settings import BandMode
from services.intensity_publisher.sources import archives
from services.watttime_emulator.accounts import Accounts, Plan, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.faults import Faults, FaultWarning
from services.watttime_emulator.regions import FREE_REGION, Region
from services.watttime_emulator.replay import DEMO_START, Replay
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import bundled_trace
from shared.broker.connection import keep_connected
from shared.broker.topology import Topology, declare
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import ConfigurationError
from shared.messages import IntensityUpdated, JobReleased, JobSubmit
from shared.runtime import system_clock, system_random

PATIENCE_SECONDS = 0.4
PASSWORD = "a-password-1"
BELOW_LIVE = {Freshness.FORECAST, Freshness.FORECASTER, Freshness.UNKNOWN}


def emulator_of(plan=Plan.FULL):
    trace = bundled_trace()
    replay = Replay(trace, began=system_clock(), start=trace.place_of(DEMO_START), speed=300)
    return Emulator(
        clock=system_clock,
        sleep=asyncio.sleep,
        regions={FREE_REGION: Region(FREE_REGION, replay), "R": Region("R", replay)},
        accounts=Accounts(User("someone", PASSWORD, plan)),
        tokens=Tokens(b"k" * 32),
    )


@asynccontextmanager
async def publishing(
    deployment, emulator, *, password=PASSWORD, stale_seconds=3.0, topology=None, horizon_hours=24
):
    topology = topology or deployment.topology
    client = httpx.AsyncClient(
        base_url="http://emulator", transport=httpx.ASGITransport(build_app(emulator))
    )
    watttime = WattTime(
        client,
        "someone",
        password,
        system_clock,
        horizon_hours=horizon_hours,
        patience_seconds=PATIENCE_SECONDS,
    )
    links = {region: [Link(watttime, stale_seconds)] for region in topology.regions}
    backfill = Backfill(archives(links) if FREE_REGION in topology.regions else {})
    async with polling(deployment, topology, links, backfill) as running:
        yield running
    await client.aclose()


@asynccontextmanager
async def polling(deployment, topology, links, backfill):
    service = IntensityPublisher(
        Chain(links),
        backfill,
        deployment.publisher,
        topology,
        Method(BandMode.RELATIVE, 2016.0),
        Metrics(CollectorRegistry()),
        system_clock,
        system_random,
    )
    stop = asyncio.Event()

    async def session(connection):
        await service.session(connection, stop)

    running = asyncio.create_task(
        keep_connected(deployment.url, "publisher", session, stop, system_random)
    )
    try:
        yield running
    finally:
        stop.set()
        _, pending = await asyncio.wait({running}, timeout=10)
        assert not pending, "it does not stop"


def updates(deployment, *rungs):
    return [each for each in deployment.seen(IntensityUpdated) if each.freshness in rungs]


FAILURES = [
    ("a burst of 500", {"fail_status": 500}, "500"),
    ("a burst of 503", {"fail_status": 503}, "503"),
    ("a hang", {"hang_seconds": 30}, "does not answer"),
    ("half of the JSON", {"truncated_json": True}, "makes no sense"),
    ("no points", {"empty_data": True}, "no "),
    ("nothing but zeros", {"all_zero": True}, "zero"),
    ("old data", {"stale_seconds": 86400}, ""),
    ("tokens that are expired at once", {"expired_tokens": "all"}, "Jwt is expired"),
    ("429", {"too_many_requests": True}, "429"),
    ("429 with Retry-After", {"too_many_requests": True, "retry_after_seconds": 1}, "429"),
]
ODDITIES = [
    ("a null at the head", {"null_value": True, "paths": ("/v3/forecast",)}),
    ("an absurd value", {"absurd_value": 99_999.0, "paths": ("/v3/forecast",)}),
    ("gaps", {"gap_every": 7, "paths": ("/v3/forecast",)}),
    ("double points", {"duplicates": True}),
    ("points last first", {"unordered": True}),
    ("another model", {"model_date": "2030-01-01"}),
    ("a warning", {"warnings": (FaultWarning(type="MISSING_DATA", message="a gap"),)}),
    ("tokens that expire once", {"expired_tokens": "issued"}),
]


@pytest.mark.parametrize(("name", "fault", "reason"), FAILURES, ids=[row[0] for row in FAILURES])
async def test_a_failure_goes_down_the_ladder_and_no_deadline_is_missed(
    deployment, until, name, fault, reason
):
    emulator = emulator_of()
    async with publishing(deployment, emulator), deployment.scheduler():
        await until(lambda: updates(deployment, Freshness.LIVE))
        emulator.switch(Faults(**fault))
        below = await until(lambda: updates(deployment, *BELOW_LIVE))
        assert reason in below[0].reason
        assert "\n" not in below[0].reason
        job_id = uuid4()
        await deployment.publisher.submit(
            JobSubmit(
                id=job_id,
                type="t",
                max_band="very_low",
                deadline_seconds=3,
                expected_duration_seconds=1,
            ),
            message_id=str(job_id),
        )
        (released,) = await until(lambda: deployment.seen(JobReleased, job_id=job_id), 8)
        assert released.at <= released.numbers.latest_start + timedelta(seconds=1)
        emulator.switch(Faults())
        seen = len(updates(deployment, Freshness.LIVE))
        await until(lambda: len(updates(deployment, Freshness.LIVE)) > seen)


@pytest.mark.parametrize(("name", "fault"), ODDITIES, ids=[row[0] for row in ODDITIES])
async def test_an_oddity_is_survived_live(deployment, until, name, fault):
    emulator = emulator_of()
    async with publishing(deployment, emulator):
        await until(lambda: updates(deployment, Freshness.LIVE))
        emulator.switch(Faults(**fault))
        seen = len(deployment.seen(IntensityUpdated))
        later = await until(lambda: deployment.seen(IntensityUpdated)[seen + 1 :])
        assert {each.freshness for each in later} == {Freshness.LIVE}
        assert all(each.reading.intensity_g_per_kwh is not None for each in later)


async def test_the_ladder_ends_at_unknown_when_forecast_and_history_are_used_up(deployment, until):
    emulator = emulator_of()
    async with publishing(deployment, emulator):
        await until(lambda: updates(deployment, Freshness.LIVE))
        emulator.switch(Faults(empty_data=True))
        first = await until(lambda: updates(deployment, *BELOW_LIVE))
        assert first[0].freshness is Freshness.FORECAST
        assert first[0].age_seconds >= 0
        ages = [
            each.age_seconds
            for each in await until(
                lambda: (
                    len(updates(deployment, *BELOW_LIVE)) > 2 and updates(deployment, *BELOW_LIVE)
                )
            )
        ]
        assert ages == sorted(ages)


async def test_the_free_plan_outside_california_is_index_only(deployment, until):
    async with publishing(deployment, emulator_of(Plan.FREE)):
        (update, *_) = await until(lambda: updates(deployment, Freshness.LIVE))
    assert update.reading.intensity_g_per_kwh is None
    assert update.reading.index_percent is not None
    assert update.band.rank < 5
    assert any("plan" in warning for warning in update.warnings)
    assert (update.forecast, update.forecast_issued_until) == (None, None)


@pytest.fixture
async def california(deployment):
    """The free plan's region beside the deployment's own."""
    topology = Topology((FREE_REGION,), 30, deployment.topology.namespace)
    await declare(deployment.connection, topology)
    yield topology
    channel = await deployment.connection.channel()
    for name in {q.name for q in topology.queues()} - {
        q.name for q in deployment.topology.queues()
    }:
        await channel.queue_delete(name)


async def test_the_free_plan_in_california_is_continued_for_two_days_by_the_forecaster(
    deployment, california, until
):
    emulator = emulator_of(Plan.FREE)
    async with publishing(deployment, emulator, topology=california, horizon_hours=1):
        (update, *_) = await until(lambda: updates(deployment, Freshness.LIVE))
        period = timedelta(seconds=update.reading.period_seconds)
        issued = update.forecast_issued_until - update.forecast.start
        assert 0 < issued / period <= 13, "an hour of the grid"
        assert update.forecast.end >= update.at + 576 * period, "two days of the grid"
        assert len(set(update.forecast.values_g_per_kwh[13:])) > 100
        emulator.switch(Faults(empty_data=True))
        below = await until(lambda: updates(deployment, Freshness.FORECASTER), 30)
    assert below[0].forecast_issued_until is None
    assert below[0].forecast.end >= below[0].at + 576 * period
    assert below[0].reading.intensity_g_per_kwh is not None


async def test_a_wrong_password_stops_with_one_line(deployment):
    async with publishing(deployment, emulator_of(), password="wrong") as running:
        with pytest.raises(ConfigurationError, match="WATTTIME_PASSWORD"):
            await asyncio.wait_for(asyncio.shield(running), 10)


async def test_two_publishers_do_not_publish_a_point_twice(deployment, until):
    emulator = emulator_of()
    async with publishing(deployment, emulator):
        async with publishing(deployment, emulator):
            await until(lambda: len(updates(deployment, Freshness.LIVE)) >= 4)
        await until(lambda: len(updates(deployment, Freshness.LIVE)) >= 6)
    points = [each.reading.at for each in updates(deployment, Freshness.LIVE)]
    assert len(points) == len(set(points))


async def test_simulated_data_are_marked_in_every_update(deployment, until):
    async with publishing(deployment, emulator_of()):
        await until(lambda: len(updates(deployment, Freshness.LIVE)) >= 2)
    assert all(each.reading.simulated for each in deployment.seen(IntensityUpdated))


def test_each_region_has_a_lead_of_its_own():
    topology = Topology(("A", "B"), 2)
    names = {topology.publisher_lead(region) for region in topology.regions}
    assert names == {"ctl.publisher.leader.A", "ctl.publisher.leader.B"}


class EverySecond:
    """A live source of a point a second."""

    name, signal = "every_second", Signal.MARGINAL

    async def observe(self, region, now):
        at = now.replace(microsecond=0)
        return Observation(Reading(region, at, 1.0, self.signal, self.name, False, 200.0), None)


class SlowArchive:
    """Has the bands' week at once, and nothing older for as long as one waits."""

    def __init__(self):
        self.asked_deeper, self.given_up = asyncio.Event(), asyncio.Event()

    async def readings(self, region, start, end):
        if end - start > timedelta(seconds=2100):
            self.asked_deeper.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up.set()
        ats = [end - timedelta(seconds=n) for n in range(2010, 0, -1)]
        return [Reading(region, at, 1.0, Signal.MARGINAL, "archive", False, 200.0) for at in ats]


async def test_an_archive_that_takes_for_ever_holds_up_neither_polls_nor_the_end(deployment, until):
    archive = SlowArchive()
    links = {"R": [Link(EverySecond(), 3.0)]}
    async with polling(deployment, deployment.topology, links, Backfill({"R": archive})):
        await until(archive.asked_deeper.is_set)
        seen = len(updates(deployment, Freshness.LIVE))
        (update, *_) = await until(lambda: updates(deployment, Freshness.LIVE)[seen:])
        assert not archive.given_up.is_set()
        assert update.forecast.values_g_per_kwh == (200.0,) * len(update.forecast.values_g_per_kwh)
    assert archive.given_up.is_set()

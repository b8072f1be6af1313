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
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.service import Bands, IntensityPublisher
from services.intensity_publisher.settings import BandMode
from services.watttime_emulator.accounts import Accounts, Plan, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.faults import Faults, FaultWarning
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import DEMO_START, Replay
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import bundled_trace
from shared.broker.connection import keep_connected
from shared.broker.topology import Topology
from shared.domain.grid import Freshness
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
        regions={"CAISO_NORTH": Region("CAISO_NORTH", replay), "R": Region("R", replay)},
        accounts=Accounts(User("someone", PASSWORD, plan)),
        tokens=Tokens(b"k" * 32),
    )


@asynccontextmanager
async def publishing(deployment, emulator, *, password=PASSWORD, stale_seconds=3.0):
    client = httpx.AsyncClient(
        base_url="http://emulator", transport=httpx.ASGITransport(build_app(emulator))
    )
    watttime = WattTime(
        client, "someone", password, system_clock, patience_seconds=PATIENCE_SECONDS
    )
    metrics = Metrics(CollectorRegistry())
    service = IntensityPublisher(
        Chain({"R": [Link(watttime, stale_seconds)]}),
        Backfill({}),
        deployment.publisher,
        deployment.topology,
        Bands(BandMode.RELATIVE, 2016.0),
        metrics,
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
        await asyncio.wait({running}, timeout=10)
        await client.aclose()


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
    names = {topology.publisher_lead(region).name for region in topology.regions}
    assert names == {"intensity.leader.A", "intensity.leader.B"}

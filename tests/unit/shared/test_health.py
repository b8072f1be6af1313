"""Alive, ready and in numbers: three different questions."""

import asyncio
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.intensity_publisher.metrics import Metrics
from shared.domain.bands import Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import ConfigurationError
from shared.health import Health, serving_health
from shared.messages import IntensityUpdated

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def update(freshness=Freshness.LIVE, value=200.0, reason=None):
    reading = Reading("R", NOW, 300, Signal.MARGINAL, "watttime", False, value)
    return IntensityUpdated(
        id=uuid4(), at=NOW, reading=reading, band=Band.LOW, freshness=freshness, reason=reason
    )


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return Metrics(registry)


async def ask(health, path):
    transport = httpx.ASGITransport(health.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.get(path)


async def test_a_service_with_old_data_is_alive_and_not_ready(registry, metrics):
    now = NOW + timedelta(minutes=16)
    health = Health(lambda: metrics.stale_regions(now), registry)
    metrics.updated(update())
    assert (await ask(health, "/livez")).status_code == 200
    answer = await ask(health, "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": {"R": "no update for 960 s"}}


async def test_a_rung_below_live_is_told_with_its_reason(registry, metrics):
    metrics.updated(update(Freshness.FORECAST, reason="watttime answered 500"))
    health = Health(lambda: metrics.stale_regions(NOW), registry)
    problems = (await ask(health, "/readyz")).json()["problems"]
    assert problems == {"R": "forecast: watttime answered 500"}


async def test_fresh_data_are_ready(registry, metrics):
    metrics.updated(update())
    assert (
        await ask(Health(lambda: metrics.stale_regions(NOW), registry), "/readyz")
    ).status_code == 200


async def test_the_numbers_are_there_for_prometheus(registry, metrics):
    metrics.updated(update())
    metrics.requested("watttime", "forecast", "ok", 0.2)
    text = (await ask(Health(dict, registry), "/metrics")).text
    assert 'carbonq_grid_intensity_grams_per_kwh{region="R",signal="marginal"} 200.0' in text
    assert 'carbonq_intensity_freshness{freshness="live",region="R"} 1.0' in text
    assert 'carbonq_intensity_freshness{freshness="unknown",region="R"} 0.0' in text
    assert 'carbonq_intensity_last_success_timestamp_seconds{region="R"} 1.7723664e+09' in text
    assert 'endpoint="forecast",outcome="ok",source="watttime"} 1.0' in text


async def test_an_unknown_intensity_sets_no_number(registry, metrics):
    metrics.updated(update(Freshness.UNKNOWN, value=None))
    text = (await ask(Health(dict, registry), "/metrics")).text
    assert "carbonq_grid_intensity_grams_per_kwh{" not in text


async def test_health_is_served_while_the_service_runs(registry):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with (
        serving_health(Health(dict, registry), "127.0.0.1", port),
        httpx.AsyncClient() as client,
        asyncio.timeout(10),
    ):
        while True:
            with suppress(httpx.ConnectError):
                answer = await client.get(f"http://127.0.0.1:{port}/livez")
                break
            await asyncio.sleep(0.02)
    assert answer.text == "ok"


async def test_a_port_that_is_taken_names_the_setting(registry):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="HEALTH_PORT"):
            async with serving_health(Health(dict, registry), "127.0.0.1", port):
                pass

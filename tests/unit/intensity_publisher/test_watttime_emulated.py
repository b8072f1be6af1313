"""The WattTime client against the emulated WattTime, a day of it in seconds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.providers.watttime_session import NotEntitled
from services.watttime_emulator.accounts import Accounts, Plan, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import Replay
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import bundled_trace
from shared.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
INDEX, FORECAST = "/v3/signal-index", "/v3/forecast"
PASSWORD = "sun-and-wind-1"


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@dataclass
class Emulated:
    clock: Clock
    http: httpx.AsyncClient
    client_of: Callable[..., WattTime]


@pytest.fixture
async def emulated():
    """An emulated WattTime, its clock, and a way to build clients of its users."""
    clock, trace = Clock(), bundled_trace()

    async def sleep(_seconds):
        """Nobody waits here."""

    emulator = Emulator(
        clock=clock,
        sleep=sleep,
        regions={
            name: Region(name, Replay(trace, began=clock(), start=2500, speed=1))
            for name in ("CAISO_NORTH", "PSCO")
        },
        accounts=Accounts(User("full", PASSWORD, Plan.FULL), User("free", PASSWORD, Plan.FREE)),
        tokens=Tokens(b"a key for tests"),
    )
    transport = httpx.ASGITransport(app=build_app(emulator))
    http = httpx.AsyncClient(transport=transport, base_url="http://emulator")

    def client_of(user, password=PASSWORD):
        return WattTime(http, user, password, clock)

    yield Emulated(clock, http, client_of)
    await http.aclose()


async def state_of(http):
    rows = (await http.get("/admin/state")).json()["requests"]
    counted = Counter()
    for row in rows:
        counted[row["path"], row["status"]] += row["count"]
    return counted


async def test_a_day_of_polling_stays_within_the_limits(emulated):
    clock = emulated.clock
    watttime = emulated.client_of("free")
    logins, before = [], Counter()
    for _ in range(288):
        for region in ("CAISO_NORTH", "PSCO"):
            seen = await watttime.observe(region, clock())
            assert seen.reading.simulated
            assert (seen.forecast is None) == (region == "PSCO"), "the free plan"
        counted = await state_of(emulated.http)
        new = counted - before
        assert new.total() <= 3000, "requests in 5 minutes"
        if new["/login", 200]:
            logins.append(clock())
            assert new["/login", 200] == 1, "logins in 5 minutes: 100 are allowed"
        before = counted
        clock.now += timedelta(minutes=5)
    gaps = [later - earlier for earlier, later in pairwise(logins)]
    assert min(gaps) >= timedelta(minutes=25)
    assert before == {
        ("/login", 200): 58,
        (INDEX, 200): 2 * 288,
        (FORECAST, 200): 288,
        (FORECAST, 403): 1,
    }, "no token was refused, no limit hit, and the refused region asked for once"


async def test_the_emulated_account_is_read(emulated):
    watttime = emulated.client_of("free")
    allowed = await watttime.my_access()
    assert allowed.allows("CAISO_NORTH", "forecast")
    assert not allowed.allows("PSCO", "forecast")
    assert (await watttime.region_from_location(39.7522, -105.0)).region == "PSCO"
    assert await watttime.region_from_location(0, 0) is None
    with pytest.raises(NotEntitled):
        await watttime.historical("PSCO", NOW - timedelta(days=1), NOW)
    past = await emulated.client_of("full").historical("PSCO", NOW - timedelta(days=40), NOW)
    assert len(past.points) == 40 * 288
    assert past.simulated


async def test_registering_and_logging_in_at_the_emulator(emulated):
    nobody = emulated.client_of("", "")
    assert await nobody.register("freddo", "fair-wind-2", "f@example.org") == "User created"
    with pytest.raises(ConfigurationError, match="taken"):
        await nobody.register("freddo", "fair-wind-2", "f@example.org")
    with pytest.raises(ConfigurationError, match="password"):
        await nobody.register("other", "weak", "f@example.org")
    assert (await emulated.client_of("freddo", "fair-wind-2").observe("PSCO", NOW)).forecast is None
    with pytest.raises(ConfigurationError, match="WATTTIME_PASSWORD"):
        await emulated.client_of("freddo").observe("PSCO", NOW)

"""The emulator on a stage: no socket, and a clock that moves only when told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.watttime_emulator.accounts import Accounts, Plan, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import DEMO_START, Replay
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import Trace, bundled_trace

NOON = datetime(2026, 1, 10, 12, 0, 2, tzinfo=UTC)
PASSWORD = "sun-and-wind-1"


@dataclass
class FakeClock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Stage:
    clock: FakeClock
    emulator: Emulator
    http: httpx.AsyncClient
    slept: list[float]
    tokens: dict[str, str] = field(default_factory=dict)

    def advance(self, **by: float) -> None:
        """Let time pass, and log in afresh afterwards."""
        self.clock.advance(**by)
        self.tokens.clear()

    async def log_in(self, username: str = "full") -> str:
        answer = await self.http.get("/login", auth=(username, PASSWORD))
        assert answer.status_code == 200, answer.text
        self.tokens[username] = answer.json()["token"]
        return self.tokens[username]

    async def get(self, path: str, user: str = "full", **query: Any) -> httpx.Response:
        """Ask a data endpoint for CAISO_NORTH's co2_moer; None leaves a parameter out."""
        token = self.tokens.get(user) or await self.log_in(user)
        asked = {"region": "CAISO_NORTH", "signal_type": "co2_moer"} | query
        params = {name: value for name, value in asked.items() if value is not None}
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.get(path, params=params, headers=headers)

    async def fault(self, **switches: Any) -> None:
        answer = await self.http.post("/admin/faults", json=switches)
        assert answer.status_code == 200, answer.text

    async def count(self, path: str, status: int) -> int:
        state = (await self.http.get("/admin/state")).json()
        return sum(
            row["count"]
            for row in state["requests"]
            if (row["path"], row["status"]) == (path, status)
        )


MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture(scope="session")
def recorded() -> Trace:
    return bundled_trace()


@pytest.fixture
async def make_stage(recorded: Trace) -> AsyncIterator[MakeStage]:
    opened: list[httpx.AsyncClient] = []

    async def make(speed: float = 1) -> Stage:
        clock, slept = FakeClock(), []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        emulator = Emulator(
            clock=clock,
            sleep=sleep,
            regions={
                name: Region(name, _replay(recorded, start, clock(), speed))
                for name, start in (("CAISO_NORTH", DEMO_START), ("PSCO", recorded.start))
            },
            accounts=Accounts(User("full", PASSWORD, Plan.FULL), User("free", PASSWORD, Plan.FREE)),
            tokens=Tokens(b"a key for tests"),
        )
        transport = httpx.ASGITransport(app=build_app(emulator))
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://emulator"))
        return Stage(clock, emulator, opened[-1], slept)

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def stage(make_stage: MakeStage) -> Stage:
    return await make_stage()


def _replay(trace: Trace, start: datetime, began: datetime, speed: float) -> Replay:
    return Replay(trace, began=began, start=trace.place_of(start), speed=speed)

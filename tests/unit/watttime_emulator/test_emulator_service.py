"""Settings, and the server on a real socket."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.watttime_emulator.replay import DEMO_START
from services.watttime_emulator.service import build_emulator, run
from services.watttime_emulator.settings import EmulatorSettings
from shared.errors import ConfigurationError

NOW = datetime(2026, 1, 10, 12, 0, 2, tzinfo=UTC)
TWO_POINTS = "time,intensity_g_per_kwh\n2026-03-01T00:00:00Z,100\n2026-03-01T00:05:00Z,200\n"


def _now() -> datetime:
    return NOW


def _settings(**given: Any) -> EmulatorSettings:
    return EmulatorSettings(**{f"emulator_{name}": value for name, value in given.items()})


@pytest.fixture(autouse=True)
def _only_the_settings_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # away from any .env
    for name in EmulatorSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(TWO_POINTS)
    return path


def _replayed(settings: EmulatorSettings, region: str = "CAISO_NORTH") -> tuple[datetime, float]:
    """The recorded time and the value that hold now."""
    replay = build_emulator(settings, _now).regions[region].replay
    slot = replay.slot(NOW)
    return replay.trace.time_of(replay.place(slot)), replay.value(slot)


# -- settings


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_the_emulator_refuses_any_address_but_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        _settings(host=host)


def test_with_a_password_of_ones_own_it_may_listen_elsewhere() -> None:
    assert _settings(host="0.0.0.0", password="made-up").emulator_host == "0.0.0.0"


def test_the_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMULATOR_HOST", "0.0.0.0")
    with pytest.raises(ConfigurationError, match="loopback only") as caught:
        EmulatorSettings.load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")]
)
def test_every_loopback_address_will_do(host: str, address: str) -> None:
    assert _settings(host=host).emulator_host == address


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"USERNAME": "u", "PASSWORD": "p", "PLAN": "free", "SPEED": "60", "PORT": "0"}
    for name, value in given.items():
        monkeypatch.setenv(f"EMULATOR_{name}", value)
    settings = EmulatorSettings.load()
    assert settings.emulator_password.get_secret_value() == "p"
    assert (settings.emulator_plan, settings.emulator_speed) == ("free", 60)
    user = build_emulator(settings, _now).accounts.logged_in("u", "p")
    assert user is not None
    assert user.plan == "free"


def test_the_password_is_not_shown() -> None:
    assert "hush-hush-1" not in repr(_settings(password="hush-hush-1"))


@pytest.mark.parametrize("text", ["PSCO", "PSCO=", "=trace.csv"])
def test_a_region_without_its_trace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not NAME=trace\.csv"):
        _settings(regions=text)


# -- what is replayed


def test_by_default_the_bundled_recording_begins_at_the_demo_s_start() -> None:
    assert _replayed(_settings())[0] == DEMO_START


def test_the_start_can_be_chosen() -> None:
    start = datetime(2021, 4, 12, 6, tzinfo=UTC)
    assert _replayed(_settings(start=start))[0] == start


def test_any_trace_replaces_the_bundled_one(trace: Path) -> None:
    assert _replayed(_settings(trace=trace))[1] == 100


def test_issued_forecasts_can_be_given_with_a_trace(trace: Path, tmp_path: Path) -> None:
    forecasts = tmp_path / "f.csv"
    forecasts.write_text(
        "generated_at,point_time,intensity_g_per_kwh\n2026-03-01T00:00:00Z,2026-03-01T00:05:00Z,7\n"
    )
    emulator = build_emulator(_settings(trace=trace, forecasts=forecasts), _now)
    replay = emulator.regions["CAISO_NORTH"].replay
    assert replay.forecast(replay.slot(NOW), 2) == [100, 7]
    with pytest.raises(ConfigurationError, match="EMULATOR_FORECASTS needs EMULATOR_TRACE"):
        build_emulator(_settings(forecasts=forecasts), _now)


def test_further_regions_have_traces_and_forecasts_of_their_own(
    trace: Path, tmp_path: Path
) -> None:
    forecasts = tmp_path / "f.csv"
    forecasts.write_text("generated_at,point_time,intensity_g_per_kwh\n")
    settings = _settings(regions=f"PSCO={trace}, MINE={trace}|{forecasts}")
    regions = build_emulator(settings, _now).regions
    assert list(regions) == ["CAISO_NORTH", "PSCO", "MINE"]
    assert (regions["PSCO"].full_name, regions["MINE"].full_name) == (
        "Public Service Co of Colorado",
        "MINE",
    )
    assert _replayed(settings, "MINE")[1] == 100


def test_a_start_outside_a_further_region_s_recording_begins_that_one_by_itself(
    trace: Path,
) -> None:
    settings = _settings(regions=f"PSCO={trace}", start=datetime(2021, 4, 12, tzinfo=UTC))
    assert _replayed(settings, "PSCO")[1] == 100


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"speed": 7}, "a speed of 7 does not divide 300 s"),
        ({"start": NOW}, "has no point at 2026"),
        ({"trace": Path("nowhere.csv")}, "cannot read nowhere.csv"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(
    given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        build_emulator(_settings(**given), _now)


# -- the server


@contextlib.asynccontextmanager
async def _running(settings: EmulatorSettings) -> AsyncIterator[str]:
    """The address of a server that is up; it is down again afterwards."""
    ready, stop = settings.emulator_ready_file, asyncio.Event()
    assert ready is not None
    serving = asyncio.create_task(run(settings, stop, clock=_now))
    async with asyncio.timeout(20):
        while not (ready.exists() or serving.done()):  # noqa: ASYNC110 - a file tells no event
            await asyncio.sleep(0)
    yield json.loads(ready.read_text())["url"]
    stop.set()
    async with asyncio.timeout(20):
        await serving


async def test_the_ready_file_tells_the_real_port_while_the_server_listens(tmp_path: Path) -> None:
    ready = tmp_path / "run" / "emulator.json"
    async with _running(_settings(port=0, ready_file=ready)) as url:
        assert url.startswith("http://127.0.0.1:")
        assert not url.endswith(":0")
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{url}/login", auth=("demo", "carbon-aware-1"))
        assert answer.status_code == 200
        assert [path.name for path in ready.parent.iterdir()] == ["emulator.json"]
    assert not ready.exists()
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{url}/login")


async def test_a_request_that_hangs_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        async with _running(_settings(port=0, ready_file=tmp_path / "r.json")) as url:
            token = (await http.get(f"{url}/login", auth=("demo", "carbon-aware-1"))).json()
            await http.post(f"{url}/admin/faults", json={"hang_seconds": 3600})
            headers = {"authorization": f"Bearer {token['token']}"}
            hanging = asyncio.create_task(http.get(f"{url}/v3/my-access", headers=headers))
            await http.get(f"{url}/admin/state")
        with contextlib.suppress(httpx.HTTPError):
            assert (await hanging).status_code >= 500


async def test_a_taken_port_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = _settings(port=port, ready_file=tmp_path / "r.json")
        with pytest.raises(ConfigurationError, match=rf"{port}: .*; set EMULATOR_PORT, 0 for any"):
            await run(settings, asyncio.Event(), clock=_now)


async def test_a_ready_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = _settings(port=0, ready_file=tmp_path / "file" / "r.json")
    with pytest.raises(ConfigurationError, match="cannot write"):
        await run(settings, asyncio.Event(), clock=_now)

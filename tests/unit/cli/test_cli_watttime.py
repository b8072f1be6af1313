"""The account commands and `emulate`, against an emulator that runs as a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import Result

from services.cli.processes import until
from shared.domain.grid import LB_PER_MWH_TO_G_PER_KWH

Cli = Callable[..., Result]

USERNAME, PASSWORD = "tester", "sun-and-wind-1"
NEW_PASSWORD = "Rain-and-snow-2\n"
ENDPOINTS = ["forecast", "forecast/historical", "historical", "signal-index"]
STALE = "what a killed run left"
NEXT = "set WATTTIME_USERNAME and WATTTIME_PASSWORD, then `carbon-aware watttime access`"
LIMIT_SECONDS = 30
SETTINGS = ("WATTTIME_", "EMULATOR_")


def bare_environ(**given: str) -> dict[str, str]:
    """The environment without anything that these programs heed."""
    return {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)} | given


@dataclass(frozen=True)
class Running:
    """`carbon-aware emulate`, the address of the emulator, and the line that says so."""

    process: subprocess.Popen[str]
    url: str
    said: str


def url_in(ready: Path) -> str | None:
    try:
        return str(json.loads(ready.read_text())["url"])
    except OSError:
        return None


@contextmanager
def emulating(folder: Path, *options: str) -> Iterator[Running]:
    """Run it in a folder; it has said what it has to say, and is gone afterwards."""
    ready = folder / "emulator.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "emulate", "--port", "0", *options],
        cwd=folder,
        env=bare_environ(EMULATOR_READY_FILE=str(ready)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert asyncio.run(until(lambda: url_in(ready) not in {None, STALE}, LIMIT_SECONDS))
        assert process.stdout is not None
        yield Running(process, str(url_in(ready)), process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_SECONDS)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator with one user on the free plan."""
    folder = tmp_path_factory.mktemp("emulator")
    user = ("--username", USERNAME, "--password", PASSWORD, "--plan", "free")
    with emulating(folder, *user) as running:
        yield running.url


@pytest.fixture
def account(empty_folder: Path, emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commands use the emulator and its user."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WATTTIME_URL", emulator)
    monkeypatch.setenv("WATTTIME_USERNAME", USERNAME)
    monkeypatch.setenv("WATTTIME_PASSWORD", PASSWORD)
    return emulator


def register(cli: Cli, name: str, *options: str, password: str = NEW_PASSWORD) -> Result:
    words = ("--username", name, "--email", f"{name}@example.org", *options)
    return cli("watttime", "register", *words, input=password)


# -- register


def test_a_new_account_can_be_used_at_once(cli: Cli, account: str) -> None:
    result = register(cli, "ann", "--org", "Example", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"username": "ann", "said": "User created"}
    answer = httpx.get(f"{account}/login", auth=("ann", NEW_PASSWORD.strip()))
    assert answer.status_code == 200


def test_registration_says_what_is_next_and_never_the_password(cli: Cli, account: str) -> None:
    result = register(cli, "bob")
    assert result.stdout.splitlines() == [
        "Username       bob",
        "WattTime says  User created",
        f"Next           {NEXT}",
    ]
    assert NEW_PASSWORD.strip() not in result.output


def test_a_name_that_is_taken_is_one_line_and_exit_78(cli: Cli, account: str) -> None:
    result = register(cli, USERNAME)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith(f"error: WattTime did not register '{USERNAME}'")
    assert result.stderr.count("\n") == 1


def test_a_weak_password_is_refused_with_the_rule(cli: Cli, account: str) -> None:
    result = register(cli, "carl", password="weak\n")
    assert result.exit_code == 78
    assert "at least 8 characters" in result.stderr


@pytest.mark.parametrize("nothing", ["", "\n"])
def test_no_password_is_wrong_usage(cli: Cli, account: str, nothing: str) -> None:
    result = register(cli, "dora", password=nothing)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: password: write it to standard input; see")


# -- access and region


def test_access_lists_regions_and_endpoints(cli: Cli, account: str) -> None:
    told = json.loads(cli("watttime", "access", "--json").stdout)
    assert list(told) == ["regions"]
    assert told["regions"] == [
        {
            "region": "CAISO_NORTH",
            "full_name": "California ISO Northern",
            "endpoints": ENDPOINTS,
        }
    ]
    line = f"CAISO_NORTH  California ISO Northern  {', '.join(ENDPOINTS)}\n"
    assert cli("watttime", "access").stdout == line


def test_a_region_without_access_is_said(cli: Cli, account: str) -> None:
    result = cli("watttime", "access", "--region", "PJM_DC")
    assert result.exit_code == 0
    assert result.stdout == "the account has no access to marginal intensities there\n"
    assert json.loads(cli("watttime", "access", "--region", "PJM_DC", "--json").stdout) == {
        "regions": []
    }


def test_a_place_has_a_region(cli: Cli, account: str) -> None:
    place = ("--lat", "38.58", "--lon", "-121.49")
    told = json.loads(cli("watttime", "region", *place, "--json").stdout)
    assert told == {"region": "CAISO_NORTH", "full_name": "California ISO Northern"}
    assert cli("watttime", "region", *place).stdout.splitlines() == [
        "Region  CAISO_NORTH",
        "Name    California ISO Northern",
        "Next    set REGIONS=CAISO_NORTH to run jobs by it",
    ]


def test_a_place_without_a_region_is_exit_4(cli: Cli, account: str) -> None:
    result = cli("watttime", "region", "--lat", "0", "--lon", "-0.00001")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == "error: WattTime covers no region at 0.0, -1e-05\n"


def test_a_refused_login_is_one_line_and_exit_78(
    cli: Cli, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTTIME_PASSWORD", "wrong-wrong-1")
    result = cli("watttime", "access")
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith("error: WattTime refuses the login")
    assert result.stderr.count("\n") == 1


def test_the_address_can_be_given(cli: Cli, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTTIME_URL", "http://127.0.0.1:1")
    assert cli("watttime", "access", "--url", account).exit_code == 0
    result = cli("watttime", "access", "--url", "nowhere")
    assert result.exit_code != 0
    assert "http://" in result.stderr


# -- emulate


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_emulator_says_how_to_use_it_and_ends_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    ready = tmp_path / "emulator.json"
    ready.write_text(json.dumps({"url": STALE}))
    with emulating(tmp_path) as running:
        (child,) = psutil.Process(running.process.pid).children()
        # What help says of the user and the password.
        login = httpx.get(f"{running.url}/login", auth=("demo", "carbon-aware-1"))
        assert login.status_code == 200
        running.process.send_signal(number)
        rest, err = running.process.communicate(timeout=LIMIT_SECONDS)
    assert (running.process.returncode, rest) == (0, "")
    assert running.said == (
        f"emulating WattTime at {running.url} for the user demo; "
        f"use it with WATTTIME_URL={running.url} WATTTIME_USERNAME=demo and the password\n"
    )
    assert "Traceback" not in err
    assert not child.is_running()
    assert not ready.exists()


def test_the_options_reach_the_emulator(tmp_path: Path) -> None:
    trace, forecasts = tmp_path / "trace.csv", tmp_path / "forecasts.csv"
    trace.write_text(
        "time,intensity_g_per_kwh\n2026-03-01T00:00:00Z,100\n2026-03-01T00:05:00Z,200\n"
    )
    forecasts.write_text("generated_at,point_time,intensity_g_per_kwh\n")
    options = ("--username", USERNAME, "--password", PASSWORD, "--speed", "60", "--plan", "full")
    files = ("--trace", str(trace), "--forecasts", str(forecasts))
    with emulating(tmp_path, *options, *files) as running:
        login = httpx.get(f"{running.url}/login", auth=(USERNAME, PASSWORD)).json()
        told = httpx.get(
            f"{running.url}/v3/forecast",
            params={"region": "CAISO_NORTH", "signal_type": "co2_moer", "horizon_hours": 0},
            headers={"authorization": f"Bearer {login['token']}"},
        ).json()
    assert told["meta"]["data_point_period_seconds"] == 5
    assert round(told["data"][0]["value"] * LB_PER_MWH_TO_G_PER_KWH) in {100, 200}
    assert f"for the user {USERNAME};" in running.said
    assert PASSWORD not in running.said


def test_what_the_options_leave_open_comes_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EMULATOR_USERNAME=written\nEMULATOR_SPEED=7\n")
    with emulating(tmp_path, "--speed", "1") as running:
        assert "for the user written;" in running.said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--speed", "7"), "error: a speed of 7 does not divide 300 s"),
        (("--trace", "nowhere.csv"), "error: cannot read nowhere.csv"),
    ],
)
def test_what_cannot_be_emulated_ends_with_the_emulator_s_code(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "emulate", "--port", "0", *options],
        cwd=tmp_path,
        env=bare_environ(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines()[-1].startswith(said)

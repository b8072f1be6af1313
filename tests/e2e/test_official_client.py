"""The unmodified official client, `watttime` 1.4.0, against the emulator as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.watttime_emulator.replay import pounds
from services.watttime_emulator.trace import bundled_trace

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "official", "client-1.4.0"
STEP = timedelta(minutes=5)
START_SECONDS = 30

# The client reads WATTTIME_API_URL when it is imported, so it gets a process of its own.
CLIENT = """
import json, sys
import pandas as pd
import watttime

def rows(frame):
    return json.loads(frame.to_json(orient="records", date_format="iso"))

made = {name: getattr(watttime, name)() for name in (
    "WattTimeMyAccess", "WattTimeForecast", "WattTimeHistorical")}
access, forecast, history = made.values()
request = json.loads(sys.argv[1])
"""
Ask = Callable[..., Any]


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The emulator at recorded speed; it has to end cleanly on SIGTERM."""
    folder = tmp_path_factory.mktemp("emulator")
    ready = folder / "ready.json"
    settings = {
        "EMULATOR_PORT": "0",
        "EMULATOR_READY_FILE": str(ready),
        "EMULATOR_USERNAME": USER,
        "EMULATOR_PASSWORD": PASSWORD,
        "EMULATOR_START": "2021-04-10T13:45:00Z",
    }
    command = [sys.executable, "-m", "services.watttime_emulator"]
    environment = _environment() | settings | {"PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
    try:
        yield Server(_url(ready, process, folder / "log"), process)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)
    assert code == 0
    assert not ready.exists()


@pytest.fixture
def ask(server: Server, tmp_path: Path) -> Ask:
    """Run a few lines with the client's objects; what they put into `answer` comes back."""

    def run(lines: str, *, password: str = PASSWORD, **request: Any) -> Any:
        environment = _environment() | {
            "WATTTIME_API_URL": server.url,
            "WATTTIME_USER": USER,
            "WATTTIME_PASSWORD": password,
        }
        program = f"{CLIENT}{lines}\nprint(json.dumps(answer))"
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(request)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def _environment() -> dict[str, str]:
    prefixes = ("EMULATOR_", "WATTTIME_")
    return {name: text for name, text in os.environ.items() if not name.startswith(prefixes)}


def _url(ready: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return str(json.loads(ready.read_text())["url"])


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _recorded_lbs(server: Server, at: datetime) -> float:
    """What the replay recorded at a moment of wall time, from the recording itself."""
    region = httpx.get(f"{server.url}/admin/state").json()["regions"]["CAISO_NORTH"]
    trace = bundled_trace()
    apart = _at(region["point_time"]) - _at(region["recorded_time"])
    return pounds(trace.values[trace.place_of(at - apart) % len(trace)])


def _logins(server: Server) -> dict[int, int]:
    rows = httpx.get(f"{server.url}/admin/state").json()["requests"]
    return {row["status"]: row["count"] for row in rows if row["path"] == "/login"}


def test_it_is_the_client_that_the_contract_was_read_from() -> None:
    assert metadata.version("watttime") == "1.4.0"


def test_the_client_logs_in(server: Server, ask: Ask) -> None:
    before = _logins(server).get(200, 0)
    assert ask("access._login(); answer = access._is_token_valid()") is True
    assert _logins(server)[200] == before + 1


def test_the_client_reports_a_wrong_password(server: Server, ask: Ask) -> None:
    lines = """
try:
    access.get_access_json()
except Exception as error:
    answer = str(error)
"""
    assert "403 Client Error: Forbidden" in ask(lines, password="wrong")


def test_a_registered_user_is_accepted(ask: Ask) -> None:
    lines = """
import os
os.environ["WATTTIME_USER"] = request["name"]
access.register("someone@example.org", "an organisation")
answer = rows(access.get_access_pandas())
"""
    answer = ask(lines, name=f"someone-{os.getpid()}", password="mint-frog-9")
    assert {row["region"] for row in answer} == {"CAISO_NORTH"}


def test_the_access_list_is_read_as_a_frame(ask: Ask) -> None:
    answer = ask("answer = rows(access.get_access_pandas())")
    assert {(row["region"], row["signal_type"]) for row in answer} == {("CAISO_NORTH", "co2_moer")}
    assert [row["endpoint"] for row in answer] == [
        "v3/signal-index",
        "v3/forecast",
        "v3/forecast/historical",
        "v3/historical",
    ]


def test_a_location_gives_its_region(ask: Ask) -> None:
    answer = ask("answer = forecast.region_from_loc(37.77, -122.42)")
    assert answer["region"] == "CAISO_NORTH"


@pytest.mark.parametrize("hours", [0, 24, 72])
def test_a_forecast_is_a_frame_of_12_points_an_hour_from_now_on(
    server: Server, ask: Ask, hours: int
) -> None:
    before = datetime.now(UTC)
    answer = ask(
        "answer = rows(forecast.get_forecast_pandas("
        "'CAISO_NORTH', horizon_hours=request['hours']))",
        hours=hours,
    )
    assert len(answer) == max(1, 12 * hours)
    times = [_at(row["point_time"]) for row in answer]
    assert times == [times[0] + STEP * number for number in range(len(times))]
    assert before - STEP < times[0] <= datetime.now(UTC)
    assert answer[0]["value"] == _recorded_lbs(server, times[0])


def test_forty_days_of_history_come_in_chunks_as_one_gapless_frame(
    server: Server, ask: Ask
) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(days=40)
    answer = ask(
        "answer = rows(history.get_historical_pandas("
        "request['start'], request['end'], 'CAISO_NORTH'))",
        start=start.isoformat(),
        end=end.isoformat(),
    )
    assert len(answer) == 40 * 288 + 1
    times = [_at(row["point_time"]) for row in answer]
    assert times == [start + STEP * number for number in range(len(times))]
    for row in answer[::1000]:
        assert row["value"] == _recorded_lbs(server, _at(row["point_time"]))
    assert answer[0]["value"] == answer[14 * 288]["value"]


def test_history_keeps_the_imputed_marker_and_the_meta(ask: Ask) -> None:
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    answer = ask(
        "answer = rows(history.get_historical_pandas(request['start'], request['end'],"
        " 'CAISO_NORTH', include_meta=True, include_imputed_marker=True))",
        start=(end - timedelta(hours=1)).isoformat(),
        end=end.isoformat(),
    )
    assert len(answer) in {12, 13}
    assert {row["imputed_data_used"] for row in answer} == {False}
    assert answer[0]["meta"]["units"] == "lbs_co2_per_mwh"


def test_historical_forecasts_of_two_days_are_one_frame(server: Server, ask: Ask) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(days=2)
    answer = ask(
        "answer = rows(forecast.get_historical_forecast_pandas("
        "request['start'], request['end'], 'CAISO_NORTH', horizon_hours=1))",
        start=start.isoformat(),
        end=end.isoformat(),
    )
    issues = 2 * 288 + 1
    assert len(answer) == 12 * issues
    generated = sorted({_at(row["generated_at"]) for row in answer})
    assert generated == [start + STEP * number for number in range(issues)]
    for row in answer[:: 12 * 100]:
        assert row["point_time"] == row["generated_at"]
        assert row["value"] == _recorded_lbs(server, _at(row["point_time"]))


def test_historical_forecasts_of_chosen_days_are_one_frame(ask: Ask) -> None:
    day = (datetime.now(UTC) - timedelta(days=3)).date()
    answer = ask(
        "from datetime import date; day = date.fromisoformat(request['day'])\n"
        "answer = rows(forecast.get_historical_forecast_pandas_list("
        "[day], 'CAISO_NORTH', horizon_hours=0))",
        day=str(day),
    )
    assert len(answer) == 288


def test_the_client_hears_that_the_data_is_simulated(ask: Ask) -> None:
    lines = """
forecast.get_forecast_json("CAISO_NORTH")
answer = [str(warning) for warning in forecast.raised_warnings]
"""
    (warning,) = ask(lines)
    assert "SIMULATED_DATA" in warning


def test_the_client_gets_over_a_burst_of_server_errors(server: Server, ask: Ask) -> None:
    faults = f"{server.url}/admin/faults"
    httpx.post(faults, json={"fail_status": 503, "count": 1}).raise_for_status()
    try:
        assert len(ask("answer = rows(forecast.get_forecast_pandas('CAISO_NORTH'))")) == 288
    finally:
        httpx.delete(faults).raise_for_status()

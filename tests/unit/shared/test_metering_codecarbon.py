"""CodeCarbon, the real package, as a counter of the machine's energy."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import CapturingLogger

from shared.domain.savings import EnergyMethod
from shared.errors import ConfigurationError
from shared.metering import EnergyMeter, energy_counter

ROOT = Path(__file__).parents[3]
RANGE_UJ = 262_143_328_850

# Whatever Python itself opens or connects is on the record here, from before the import on.
WATCHED = """
import asyncio, json, sys, threading
seen = {"net": [], "files": []}
def watch(event, details):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        seen["net"].append(f"{event} {details[1:]}")
    if event == "open" and isinstance(details[0], str) and set(str(details[1])) & set("wax+"):
        seen["files"].append(details[0])
sys.dont_write_bytecode = True
sys.addaudithook(watch)
from shared.metering import EnergyMeter, energy_counter
seen["early"] = "codecarbon" in sys.modules
async def main():
    async with energy_counter(EnergyMeter.CODECARBON) as counter:
        seen["joules"] = [counter.joules(), counter.joules()]
asyncio.run(main())
timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
for timer in timers:
    timer.join(20)
seen["alive"] = [each.name for each in timers if each.is_alive()]
print(json.dumps(seen))
"""

HOSTILE = """[codecarbon]
save_to_api = true
output_methods = csv,api,prometheus
emissions_endpoint = http://127.0.0.1:9/
electricitymaps_api_token = secret
country_2letter_iso_code = FR
cloud_provider = aws
allow_multiple_runs = false
measure_power_secs = 0.1
api_call_interval = 1
log_level = debug
pue = 1000
"""


@pytest.fixture
def package():
    """The package's own module that the counter lives in."""
    return pytest.importorskip("shared.metering.codecarbon_counter")


@pytest.fixture
def counter(package):
    counter = package.CodeCarbon()
    yield counter
    counter.close()


@pytest.fixture
def counted_processor(tmp_path, monkeypatch):
    """Makes CodeCarbon find RAPL's counters in a folder; sets them."""
    from codecarbon.core import hardware_cache, resource_tracker  # noqa: PLC0415 - optional
    from codecarbon.external import hardware  # noqa: PLC0415 - optional

    domain = tmp_path / "intel-rapl" / "intel-rapl:0"
    domain.mkdir(parents=True)
    (domain / "name").write_text("package-0\n")
    (domain / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    (domain / "energy_uj").write_text("1000000\n")
    found = partial(hardware.IntelRAPL, str(tmp_path / "intel-rapl"))
    monkeypatch.setattr(hardware, "IntelRAPL", lambda rapl_dir, **options: found(**options))
    monkeypatch.setattr(resource_tracker.cpu, "is_rapl_available", lambda: True)
    hardware_cache.clear_cache()
    yield lambda joules: (domain / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    hardware_cache.clear_cache()


def moved_on(counter, beyond_joules):
    """The next figure beyond one; a look in the same 50 ms repeats the last."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if (joules := counter.joules()) > beyond_joules:
            return joules
    raise AssertionError(f"no more than {beyond_joules} J in 20 s")


def ours(before):
    return {each for each in threading.enumerate() if isinstance(each, threading.Timer)} - before


def test_a_processor_without_counters_is_modelled_and_its_energy_grows(counter):
    if counter.method is EnergyMethod.MEASURED:
        pytest.skip("this machine's processor can be measured")
    first = counter.joules()
    assert first >= 0
    assert moved_on(counter, first) > first


def test_a_processor_with_counters_is_measured_and_the_estimated_memory_left_out(
    package, counted_processor, monkeypatch
):
    monkeypatch.setenv("CODECARBON_PUE", "1000")  # a data centre's share is not the machine's
    counter = package.CodeCarbon()
    try:
        assert counter.method is EnergyMethod.MEASURED
        before = counter.joules()
        counted_processor(1 + 500)
        assert moved_on(counter, before) == pytest.approx(500, rel=1e-5)
    finally:
        counter.close()


@pytest.mark.parametrize(
    ("hardware", "method"),
    [
        (["RAM()", "CPU(Intel Rapl)"], EnergyMethod.MEASURED),
        (["RAM()", "CPU(Windows Emi)", "GPU() (A100)"], EnergyMethod.MEASURED),
        (["RAM()", "CPU(Cpu Load)"], EnergyMethod.MODELLED),
        (["RAM()", "CPU(Xeon > 85W)"], EnergyMethod.MODELLED),
        (["RAM()", "AppleSiliconChip (M3 > CPU)"], EnergyMethod.MODELLED),
        (["CPU(Intel Rapl)", "CPU(Cpu Load)"], EnergyMethod.MODELLED),
        (["RAM()"], EnergyMethod.MODELLED),
        ([], EnergyMethod.MODELLED),
    ],
)
def test_only_what_is_said_to_be_counted_is_measured(package, hardware, method):
    assert package._method(SimpleNamespace(_conf={"hardware": hardware})) is method


def test_a_tracker_that_says_nothing_of_its_hardware_is_modelled(package):
    assert package._method(SimpleNamespace()) is EnergyMethod.MODELLED


def test_a_renewed_tracker_goes_on_where_the_last_one_stood(
    package, counted_processor, monkeypatch
):
    before = {each for each in threading.enumerate() if isinstance(each, threading.Timer)}
    counter = package.CodeCarbon()
    try:
        counted_processor(1 + 500)
        moved_on(counter, 0)
        monkeypatch.setattr(package, "RENEW_SECONDS", 0.0)
        first = counter._tracker
        assert counter.joules() == pytest.approx(500, rel=1e-5)
        assert counter._tracker is not first
        monkeypatch.setattr(package, "RENEW_SECONDS", 3600.0)
        counted_processor(1 + 700)
        assert moved_on(counter, 600) == pytest.approx(700, rel=1e-5)
    finally:
        counter.close()
    for timer in ours(before):
        timer.join(20)
    assert ours(before) == set(), "the first tracker's threads have ended too"


def test_a_tracker_that_fails_says_nothing_known_and_complains_once(package, counter, monkeypatch):
    logger = CapturingLogger()
    monkeypatch.setattr(package, "log", logger)
    monkeypatch.setattr(counter._tracker, "_do_measurements", lambda: 1 / 0)
    monkeypatch.setattr(counter._tracker, "_last_measured_time", 0.0)
    assert counter.joules() is None
    assert counter.joules() is None
    (call,) = logger.calls
    assert "does not tell the machine's energy" in call.args[0]


def test_what_cannot_start_is_a_bad_setting(package, monkeypatch):
    def broken(tracker):
        raise OSError("no hardware")

    monkeypatch.setattr(package.OfflineEmissionsTracker, "_ensure_hardware_ready", broken)
    with pytest.raises(ConfigurationError, match=r"^ENERGY_METER=codecarbon: .*codecarbon detect"):
        package.CodeCarbon()


async def test_without_the_package_a_line_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "shared.metering.codecarbon_counter", raising=False)
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    with pytest.raises(ConfigurationError, match=r"^ENERGY_METER=codecarbon: .*pip install code"):
        await energy_counter(EnergyMeter.CODECARBON).__aenter__()


async def test_a_block_that_fails_ends_the_tracker_too(package):
    before = {each for each in threading.enumerate() if isinstance(each, threading.Timer)}

    async def fail():
        async with energy_counter(EnergyMeter.CODECARBON) as counter:
            assert ours(before)
            assert counter.joules() >= 0
            raise ValueError("the job")

    with pytest.raises(ValueError, match="the job"):
        await fail()
    for timer in ours(before):
        await asyncio.to_thread(timer.join, 20)
    assert ours(before) == set()


@pytest.mark.parametrize("config", ["", HOSTILE], ids=["plain", "hostile"])
def test_nothing_is_sent_or_written_or_left_behind(tmp_path, config):
    """Whatever the user's own configuration of CodeCarbon asks for."""
    (tmp_path / ".codecarbon.config").write_text(config)
    environ = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHED],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["net"] == []
    assert seen["files"] == []
    assert seen["alive"] == []
    assert not seen["early"], "it is loaded only where it is chosen"
    assert None not in seen["joules"]
    assert [path.name for path in tmp_path.iterdir()] == [".codecarbon.config"]


def test_a_worker_does_not_load_what_was_not_chosen():
    code = "import sys, services.worker_pool.__main__; sys.exit('codecarbon' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

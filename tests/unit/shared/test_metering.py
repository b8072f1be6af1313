"""Reading the machine's energy counters, as far as it has any."""

import asyncio
import time

import pytest

from shared.domain.energy import Energy
from shared.domain.savings import EnergyMethod
from shared.errors import ConfigurationError
from shared.metering import EnergyMeter, Meter, energy_counter, find_rapl, meter
from shared.metering.meter import busy_cpu_seconds

RANGE_UJ = 262_143_328_850


@pytest.fixture
def powercap(tmp_path):
    """A made-up /sys/class/powercap; sets the counters of its domains."""
    names = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
    }
    for folder, name in names.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
        (tmp_path / folder / "energy_uj").write_text("1000000\n")

    def move(**joules):
        for name, value in joules.items():
            folder = next(key for key, known in names.items() if known.replace("-", "") == name)
            (tmp_path / folder / "energy_uj").write_text(f"{int(value * 1e6)}\n")

    move.root = tmp_path
    return move


def test_packages_and_their_memory_are_added_and_nothing_twice(powercap):
    rapl = find_rapl(powercap.root)
    assert rapl.joules() == 0.0
    powercap(package0=11, package1=21, dram=4, core=500, psys=900)
    assert rapl.joules() == pytest.approx(10 + 20 + 3)
    assert rapl.joules() == pytest.approx(33), "a second look adds nothing"


def test_a_counter_that_wraps_around_goes_on(powercap):
    powercap(package0=RANGE_UJ / 1e6 - 5)
    rapl = find_rapl(powercap.root)
    powercap(package0=7)
    assert rapl.joules() == pytest.approx(12)


def test_a_machine_without_counters_has_no_rapl(tmp_path):
    assert find_rapl(tmp_path) is None
    assert find_rapl(tmp_path / "missing") is None


@pytest.mark.parametrize("name", ["energy_uj", "max_energy_range_uj", "name"])
def test_counters_that_may_not_be_read_are_left_out(powercap, name):
    for folder in powercap.root.iterdir():
        (folder / name).unlink()  # the superuser may read anything, so it is taken away
    assert find_rapl(powercap.root) is None


def test_a_counter_that_goes_away_makes_the_rest_unknown(powercap):
    rapl = find_rapl(powercap.root)
    (powercap.root / "intel-rapl:0" / "energy_uj").unlink()
    assert rapl.joules() is None
    assert rapl.joules() is None


def test_a_job_gets_its_share_by_cpu_time(powercap):
    host = iter([100.0, 110.0])
    measuring = Meter(find_rapl(powercap.root), host_cpu_seconds=lambda: next(host))
    mark = measuring.mark()
    powercap(package0=1 + 3.6e5)
    share = measuring.share(mark, 2.5)
    assert share.energy_kwh == pytest.approx(0.025), "a quarter of 0.1 kWh"
    assert share.method is EnergyMethod.MEASURED


def test_a_counter_that_did_not_move_in_time_tells_nothing(powercap):
    host = iter([100.0, 110.0])
    measuring = Meter(find_rapl(powercap.root), host_cpu_seconds=lambda: next(host))
    assert measuring.share(measuring.mark(), 2.5) == Energy()


def test_unknown_cpu_time_or_counters_give_no_share(powercap):
    host = iter(range(100))
    measuring = Meter(find_rapl(powercap.root), host_cpu_seconds=lambda: float(next(host)))
    mark = measuring.mark()
    powercap(package0=100)
    assert measuring.share(mark, None) == Energy()
    (powercap.root / "intel-rapl:0" / "energy_uj").unlink()
    assert measuring.share(mark, 1.0) == Energy()
    assert Meter().share(Meter().mark(), 1.0) == Energy()


async def test_the_counters_are_looked_at_now_and_then(powercap, monkeypatch):
    monkeypatch.setattr(meter, "LOOK_SECONDS", 0.001)
    rapl = find_rapl(powercap.root)
    async with Meter(rapl).watching():
        powercap(package0=RANGE_UJ / 1e6 - 1)
        async with asyncio.timeout(10):
            while rapl._joules < 1000:  # noqa: ASYNC110 - the meter has no event to wait for
                await asyncio.sleep(0.002)
        powercap(package0=2)  # a wrap that a reader of both ends alone would miss
    assert rapl.joules() == pytest.approx(RANGE_UJ / 1e6 - 2 + 3)


def test_the_hosts_cpu_time_goes_on_while_something_computes():
    before, until = busy_cpu_seconds(), time.thread_time() + 0.1
    while time.thread_time() < until:
        pass
    assert busy_cpu_seconds() - before >= 0.05


@pytest.mark.parametrize("choice", [EnergyMeter.AUTO, EnergyMeter.RAPL])
async def test_readable_counters_are_taken(powercap, choice):
    async with energy_counter(choice, powercap.root) as counter:
        powercap(package0=11)
        assert counter.joules() == pytest.approx(10)
        assert counter.method is EnergyMethod.MEASURED


async def test_none_takes_no_counter_and_auto_none_where_there_is_none(powercap, tmp_path):
    async with energy_counter(EnergyMeter.NONE, powercap.root) as counter:
        assert counter is None
    async with energy_counter(EnergyMeter.AUTO, tmp_path / "missing") as counter:
        assert counter is None


async def open_rapl(root):
    async with energy_counter(EnergyMeter.RAPL, root):
        pass


async def test_rapl_by_name_on_a_machine_without_it_says_so_in_a_line(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"^ENERGY_METER=rapl: .*shows no energy"
    ) as raised:
        await open_rapl(tmp_path)
    assert "\n" not in str(raised.value)


async def test_rapl_by_name_that_is_not_readable_says_how_to_grant_it(powercap):
    for folder in powercap.root.iterdir():
        (folder / "energy_uj").unlink()  # the superuser may read anything, so it is taken away
    with pytest.raises(ConfigurationError, match=r"^ENERGY_METER=rapl: .*sudo chmod") as raised:
        await open_rapl(powercap.root)
    assert "\n" not in str(raised.value)

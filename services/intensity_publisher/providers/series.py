"""From a provider's points to an evenly spaced series: order, gaps and nonsense dealt with."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import SourceUnreachable

LONGEST_GAP_SECONDS = 3600.0
ZEROS_THAT_MEAN_AN_OUTAGE = 12


@dataclass(frozen=True, slots=True)
class Series:
    """Evenly spaced values; the first holds from `start`."""

    start: datetime
    period_seconds: float
    values: tuple[float, ...]
    warnings: tuple[str, ...] = ()


def even_series(
    points: Iterable[tuple[datetime, float | None]],
    period_seconds: float,
    *,
    lowest: float,
    highest: float,
) -> Series:
    """Sort points, drop nonsense, bridge short gaps by straight lines, and end at a long one.

    Args:
        points: instants with values; None where the provider has none.
        period_seconds: the distance of two points.
        lowest: a value below it counts as missing.
        highest: a value above it counts as missing.

    Raises:
        SourceUnreachable: no usable point is left, or every value of a long series is zero.
    """
    given = list(points)
    usable = {at: value for at, value in given if value is not None and lowest <= value <= highest}
    if not usable:
        raise SourceUnreachable("no usable point in the answer")
    if len(usable) >= ZEROS_THAT_MEAN_AN_OUTAGE and not any(usable.values()):
        raise SourceUnreachable(f"all {len(usable)} points are zero, which is an outage")
    start = min(usable)
    steps = {round((at - start).total_seconds() / period_seconds): v for at, v in usable.items()}
    values = _bridge(steps, max(1, int(LONGEST_GAP_SECONDS / period_seconds)))
    return Series(start, period_seconds, values, _warnings(given, usable, values, steps))


def from_now(series: Series, now: datetime) -> Series:
    """The part of a series from the point that holds now.

    Raises:
        SourceUnreachable: it ended before now, or has not begun.
    """
    skip = math.floor((now - series.start).total_seconds() / series.period_seconds)
    # Clocks differ a little: a first point that starts within one period counts as now's.
    skip = 0 if skip == -1 else skip
    if not 0 <= skip < len(series.values):
        raise SourceUnreachable(
            f"its data cover {series.start:%d %b %H:%M:%S} UTC and "
            f"{len(series.values)} points on, not now"
        )
    start = series.start + timedelta(seconds=skip * series.period_seconds)
    return Series(start, series.period_seconds, series.values[skip:], series.warnings)


def _bridge(steps: dict[int, float], longest_gap: int) -> tuple[float, ...]:
    values: list[float] = []
    for step in sorted(steps):
        missing = step - len(values)
        if missing > longest_gap:
            break
        values.extend(_straight_line(values, steps[step], missing))
        values.append(steps[step])
    return tuple(values)


def _straight_line(before: Sequence[float], after: float, count: int) -> list[float]:
    if count <= 0:
        return []
    first = before[-1]
    return [first + (after - first) * number / (count + 1) for number in range(1, count + 1)]


def _warnings(
    given: Sequence[tuple[datetime, float | None]],
    usable: dict[datetime, float],
    values: Sequence[float],
    steps: dict[int, float],
) -> tuple[str, ...]:
    dropped = len(given) - len(usable)
    filled = len(values) - sum(step < len(values) for step in steps)
    cut = sum(step >= len(values) for step in steps)
    texts = (
        (dropped, f"{dropped} of {len(given)} points were missing, double or absurd"),
        (filled, f"{filled} missing points were bridged"),
        (cut, f"{cut} points after a long gap were dropped"),
    )
    return tuple(text for count, text in texts if count)

"""The next time that a forecast expects a cleaner band than now's."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.bands import Band, Cuts
from shared.domain.grid import Forecast


@dataclass(frozen=True, slots=True)
class CleanerWindow:
    """A stretch of a forecast in better bands; `change` is the mean against now, such as -0.61."""

    start: datetime
    end: datetime
    band: Band
    change: float | None


def next_cleaner_window(
    forecast: Forecast | None,
    cuts: Cuts | None,
    band: Band,
    intensity_g_per_kwh: float | None,
    now: datetime,
) -> CleanerWindow | None:
    """The first stretch of cleaner bands that begins after now; None where none is in sight."""
    if forecast is None or cuts is None:
        return None
    step = timedelta(seconds=forecast.period_seconds)
    found: list[float] = []
    start = forecast.start
    for number, value in enumerate(forecast.values_g_per_kwh):
        at = forecast.start + number * step
        if at <= now:
            continue
        if cuts.band_of(value).rank < band.rank:
            start = start if found else at
            found.append(value)
        elif found:
            break
    if not found:
        return None
    mean = sum(found) / len(found)
    change = mean / intensity_g_per_kwh - 1 if intensity_g_per_kwh else None
    return CleanerWindow(start, start + len(found) * step, cuts.band_of(min(found)), change)

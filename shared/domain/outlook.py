"""What the forecast offers: the window that is cleanest."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from shared.domain.bands import Band, Cuts
from shared.domain.decisions import Rules
from shared.domain.grid import Forecast, utc

KEEPS = 0.75
"""The window lasts as long as at least this share of the best saving is to be had."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the forecast.

    Attributes:
        percent: its mean against now; negative is cleaner.
        band: of its mean; None where the band edges are not known.
    """

    start: datetime
    end: datetime
    mean_g_per_kwh: float
    percent: float
    band: Band | None


def cleanest_window(
    forecast: Forecast | None,
    cuts: Cuts | None,
    intensity_g_per_kwh: float | None,
    now: datetime,
    seconds: float,
) -> Window | None:
    """The best stretch of the next `seconds`; None if nothing in it is worth waiting for."""
    reference, rules = intensity_g_per_kwh, Rules()
    if reference is None or forecast is None:
        return None
    ahead = _ahead(forecast, now.timestamp(), seconds)
    gain = reference - min((value for _, value in ahead), default=reference)
    if gain < max(rules.worthwhile_g_per_kwh, rules.worthwhile_share * reference):
        return None
    stretch = _best(ahead, reference, reference - KEEPS * gain)
    mean = sum(value for _, value in stretch) / len(stretch)
    return Window(
        start=utc(stretch[0][0]),
        end=utc(stretch[-1][0] + forecast.period_seconds),
        mean_g_per_kwh=mean,
        percent=100 * (mean / reference - 1),
        band=cuts.band_of(mean) if cuts else None,
    )


def _ahead(forecast: Forecast, now_s: float, seconds: float) -> list[Point]:
    """The points that begin after now, as start (Unix seconds) and value."""
    start_s, period_s = forecast.start.timestamp(), forecast.period_seconds
    points = ((start_s + period_s * n, value) for n, value in enumerate(forecast.values_g_per_kwh))
    return [point for point in points if now_s < point[0] <= now_s + seconds]


def _best(ahead: list[Point], reference: float, limit: float) -> list[Point]:
    """Of the unbroken stretches below the limit, the one that saves most in all."""
    groups = groupby(ahead, key=lambda point: point[1] <= limit)
    stretches = [list(points) for is_below, points in groups if is_below]
    return max(stretches, key=lambda points: sum(reference - value for _, value in points))

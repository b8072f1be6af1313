"""The built-in forecaster: what a region's own history says of the hours to come."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.grid import Forecast, utc

DAYS_OF_PROFILE = 7


@dataclass(frozen=True, slots=True)
class Past:
    """One observed intensity in g/kWh; it held from `at_s` (Unix seconds)."""

    at_s: float
    intensity_g_per_kwh: float


def profile_forecast(
    history: Sequence[Past], from_s: float, period_s: float, day_s: float, points: int
) -> Forecast | None:
    """The mean of the last days at the same time of day, for each point from `from_s` on.

    Args:
        history: ordered by time, nothing later than the moment of asking.
        from_s: start of the first point (Unix seconds).
        period_s: distance of the points.
        day_s: length of a day: 86,400, or less where time is replayed faster.
        points: how many to give.

    Returns:
        None if the history is shorter than a day, or has no point at some time of day.
    """
    if not history or from_s - history[0].at_s < day_s:
        return None
    by_step = {round(past.at_s / period_s): past.intensity_g_per_kwh for past in history}
    values: list[float] = []
    for number in range(points):
        same_time = _same_time_of_day(by_step, from_s + number * period_s, period_s, day_s, from_s)
        if not same_time:
            return None
        values.append(sum(same_time) / len(same_time))
    return Forecast(utc(from_s), utc(from_s), period_s, tuple(values))


def _same_time_of_day(
    by_step: dict[int, float], at_s: float, period_s: float, day_s: float, from_s: float
) -> list[float]:
    """The values of the last days at an instant's time of day, all from before `from_s`."""
    skipped = int((at_s - from_s) // day_s)
    days = range(skipped + 1, skipped + 1 + DAYS_OF_PROFILE)
    steps = (round((at_s - day * day_s) / period_s) for day in days)
    return [by_step[step] for step in steps if step in by_step]

"""What terminals say besides the words of reports: intensities and instants."""

from datetime import datetime

from shared.report.words import UNKNOWN, counted, duration, energy, grams, percent_of

__all__ = [
    "UNKNOWN",
    "clock",
    "counted",
    "duration",
    "energy",
    "grams",
    "intensity",
    "moment",
    "percent_of",
]


def intensity(g_per_kwh: float | None, index_percent: float | None = None) -> str:
    """A grid's intensity, or its index where a source gives no more."""
    if g_per_kwh is not None:
        return f"{g_per_kwh:.0f} g/kWh"
    return UNKNOWN if index_percent is None else f"index {index_percent:.0f} %"


def moment(at: datetime | None, now: datetime) -> str:
    """An instant with its distance: `23:05:00 UTC (in 5 min)`; the date where it is not today."""
    if at is None:
        return UNKNOWN
    seconds = (at - now).total_seconds()
    away = duration(abs(seconds))
    return f"{clock(at, now)} ({f'in {away}' if seconds > 0 else f'{away} ago'})"


def clock(at: datetime, now: datetime) -> str:
    """An instant on the clock, with its date where that is not today's."""
    form = "%H:%M:%S UTC" if at.date() == now.date() else "%-d %b %H:%M:%S UTC"
    return at.strftime(form)

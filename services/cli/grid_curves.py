"""What was and what is expected of a grid, as bars that fit a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.text import Text
from sqlalchemy import Engine

from services.cli.grid_report import AHEAD, GridReport
from services.cli.palette import sparkline
from shared.domain.bands import Band
from shared.domain.grid import Curve
from shared.ledger.reads import ReadingRow, readings_since

Bar = tuple[float, Band] | None


@dataclass(frozen=True, slots=True)
class Bars:
    """Values evenly spaced in time, oldest first; None where nothing is known."""

    values: Sequence[Bar]
    seconds: float
    is_index: bool = False

    def line(self) -> Text:
        """The bars, with gaps where they are, and the range that they cover."""
        known = [bar for bar in self.values if bar is not None]
        drawn = iter(sparkline(known).divide(range(1, len(known))))
        line = Text.assemble(*(" " if bar is None else next(drawn) for bar in self.values))
        return line.append(f"  {self._range([value for value, _ in known])}", "dim")

    def _range(self, values: Sequence[float]) -> str:
        low, high = f"{min(values):.0f}", f"{max(values):.0f}"
        words = low if low == high else f"{low} to {high}"
        return f"index {words} %" if self.is_index else f"{words} g/kWh"


def past_bars(engine: Engine, report: GridReport, count: int) -> Bars | None:
    """One bar for each period up to the last reading; never of two kinds of data."""
    period = timedelta(seconds=report.period_seconds)
    rows = [
        row
        for row in readings_since(engine, report.region, report.at - (count - 1) * period)
        if (row.source, row.signal, row.simulated)
        == (report.source, report.signal, report.simulated)
    ]
    in_grams = any(row.intensity_g_per_kwh is not None for row in rows)
    if report.intensity_g_per_kwh is None and report.index_percent is not None:
        in_grams = False
    held = [_bar_at(rows, report.at - n * period, in_grams=in_grams) for n in range(count)]
    while held and held[-1] is None:
        held.pop()
    if not held:
        return None
    return Bars(held[::-1], len(held) * report.period_seconds, is_index=not in_grams)


def coming_bars(report: GridReport, now: datetime, count: int) -> Bars | None:
    """What is left of the forecast, within a day, in at most so many bars."""
    if report.forecast is None:
        return None
    curve, cuts = Curve.of(report.forecast), report.cuts
    start = max(now.timestamp(), curve.start_s)
    left = min(curve.end_s, now.timestamp() + AHEAD.total_seconds()) - start
    width = max(report.forecast.period_seconds, left / count)
    means = [curve.mean(start + n * width, width) for n in range(round(left / width))]
    bars = [
        (mean, cuts.band_of(mean) if cuts else Band.UNKNOWN) for mean in means if mean is not None
    ]
    return Bars(bars, len(bars) * width) if bars else None


def _bar_at(rows: Sequence[ReadingRow], at: datetime, *, in_grams: bool) -> Bar:
    for row in reversed(rows):
        value = row.intensity_g_per_kwh if in_grams else row.index_percent
        is_held = row.at <= at < row.at + timedelta(seconds=row.period_seconds)
        if value is not None and is_held:
            return value, row.band
    return None

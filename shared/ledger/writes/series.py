"""Recorded intensities as the accounts need them: one series per region and signal."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from shared.domain.grid import Freshness, Signal
from shared.domain.savings import Point
from shared.ledger.tables import AnyRow, readings

_RUNGS = tuple(Freshness)
Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Ordered points, with what each of them is worth.

    Attributes:
        starts_s: of the points, apart: a search among plain numbers is some five times as fast.
    """

    points: Sequence[Point] = ()
    starts_s: Sequence[float] = ()
    simulated: Sequence[bool] = ()
    observed: Sequence[bool] = ()
    revised: Sequence[datetime | None] = ()
    sources: Sequence[str] = ()

    def places(self, windows: Iterable[Window]) -> list[int]:
        """The places of the points that some windows rest on, each once, in their order."""
        every = range(len(self.points))
        return sorted({place for window in windows for place in every[self._under(window)]})

    def _under(self, window: Window) -> slice:
        start_s, end_s = window
        first = bisect_right(self.starts_s, start_s) - 1
        after = bisect_left(self.starts_s, end_s)
        return slice(max(first, 0), max(after, first + 1, 0))


AllSeries = dict[tuple[str, Signal], Series]


def load_series(
    connection: Connection, regions: Iterable[str], start: datetime, end: datetime
) -> AllSeries:
    """Every series of some regions over a time, from the point on that holds at its start."""
    series: AllSeries = {}
    for region in regions:
        for signal in Signal:
            rows = _rows(connection, region, signal, start, end)
            if rows:
                series[region, signal] = _series(rows)
    return series


def _rows(
    connection: Connection, region: str, signal: Signal, start: datetime, end: datetime
) -> Sequence[AnyRow]:
    column = readings.c
    same = (
        (column.region == region)
        & (column.signal == signal.value)
        & column.intensity_g_per_kwh.is_not(None)
    )
    # The last point before the start may be carried into it; the ones before that may not.
    before = (
        select(column.at).where(same, column.at <= start).order_by(column.at.desc()).limit(1)
    ).scalar_subquery()
    query = select(
        column.at,
        column.period_seconds,
        column.intensity_g_per_kwh,
        column.simulated,
        column.freshness,
        column.source,
        column.revised_at,
    ).where(same, (column.at >= start) | (column.at == before), column.at <= end)
    return connection.execute(query).all()


def _series(rows: Sequence[AnyRow]) -> Series:
    best: dict[datetime, AnyRow] = {}
    for row in sorted(rows, key=_worth, reverse=True):
        best[row.at] = row  # of several sources at one instant, the most trustworthy stays
    ordered = [best[at] for at in sorted(best)]
    return Series(
        [Point(row.at.timestamp(), row.period_seconds, row.intensity_g_per_kwh) for row in ordered],
        [row.at.timestamp() for row in ordered],
        [row.simulated for row in ordered],
        [row.freshness == Freshness.LIVE for row in ordered],
        [row.revised_at for row in ordered],
        [row.source for row in ordered],
    )


def _worth(row: AnyRow) -> tuple[int, bool, float, str]:
    """Smallest for the most trustworthy: observed before expected, real before simulated."""
    rung = _RUNGS.index(Freshness(row.freshness))
    return rung, row.simulated, row.period_seconds, row.source

"""A region's grid: its readings, and what holds now."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from shared.domain.bands import Band, Cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal, grid_at
from shared.ledger.reads.query import reading, seconds_between
from shared.ledger.tables import AnyRow, grids
from shared.ledger.tables import readings as reading_rows


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One recorded point of a region's grid."""

    region: str
    at: datetime
    period_seconds: float
    signal: Signal
    source: str
    simulated: bool
    freshness: Freshness
    band: Band
    intensity_g_per_kwh: float | None
    index_percent: float | None


@dataclass(frozen=True, slots=True)
class GridNow:
    """A region's grid as the latest update tells it, judged against the time of asking.

    Attributes:
        at: start of the point that holds; its `intensity_g_per_kwh` is None on the unknown rung.
        age_seconds: since `at`.
        reason: why this rung of freshness, in words; None while live.
        next_update_at: when the next update was expected.
        forecast: of the latest update, whatever its age.
        cuts: the band edges in force, for the forecast's values.
    """

    region: str
    at: datetime
    updated_at: datetime
    period_seconds: float
    signal: Signal
    source: str
    simulated: bool
    freshness: Freshness
    band: Band
    intensity_g_per_kwh: float | None
    index_percent: float | None
    age_seconds: float
    reason: str | None
    next_update_at: datetime
    forecast: Forecast | None
    cuts: Cuts | None
    warnings: tuple[str, ...]


def regions(engine: Engine) -> list[str]:
    """The regions that the ledger has heard of, by name."""
    with reading(engine) as connection:
        return list(connection.scalars(select(grids.c.region).order_by(grids.c.region)))


def readings_since(engine: Engine, region: str, since: datetime) -> list[ReadingRow]:
    """A region's points that start at `since` or later, in their order."""
    rows = reading_rows
    query = (
        select(rows)
        .where(rows.c.region == region, rows.c.at >= since)
        .order_by(rows.c.at, rows.c.source)
    )
    with reading(engine) as connection:
        return [_reading(row) for row in connection.execute(query)]


def latest_grid(engine: Engine, region: str | None, now: datetime) -> GridNow | None:
    """What holds now in a region, or in the one updated last; None before the first update."""
    query = select(grids).order_by(grids.c.updated_at.desc(), grids.c.region).limit(1)
    if region is not None:
        query = query.where(grids.c.region == region)
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _grid_now(row, now)


def _reading(row: AnyRow) -> ReadingRow:
    return ReadingRow(
        region=row.region,
        at=row.at,
        period_seconds=row.period_seconds,
        signal=Signal(row.signal),
        source=row.source,
        simulated=row.simulated,
        freshness=Freshness(row.freshness),
        band=Band(row.band),
        intensity_g_per_kwh=row.intensity_g_per_kwh,
        index_percent=row.index_percent,
    )


def _grid_now(row: AnyRow, now: datetime) -> GridNow:
    forecast, cuts = _forecast(row.forecast), _cuts(row.cuts)
    told = _told(row)
    holds = grid_at(now, told, Band(row.band), Freshness(row.freshness), forecast, cuts)
    fell = holds.freshness is not Freshness(row.freshness)
    is_known = holds.freshness is not Freshness.UNKNOWN
    return GridNow(
        region=row.region,
        at=row.at,
        updated_at=row.updated_at,
        period_seconds=row.period_seconds,
        signal=told.signal,
        source=row.source,
        simulated=row.simulated,
        freshness=holds.freshness,
        band=holds.band,
        intensity_g_per_kwh=holds.intensity_g_per_kwh,
        index_percent=row.index_percent if is_known and not fell else None,
        age_seconds=seconds_between(row.at, now),
        reason=_overdue(told, now) if fell else row.reason,
        next_update_at=row.at + timedelta(seconds=row.period_seconds),
        forecast=forecast,
        cuts=cuts,
        warnings=tuple(json.loads(row.warnings)),
    )


def _told(row: AnyRow) -> Reading:
    """The point that the latest update told."""
    return Reading(
        region=row.region,
        at=row.at,
        period_seconds=row.period_seconds,
        signal=Signal(row.signal),
        source=row.source,
        simulated=row.simulated,
        intensity_g_per_kwh=row.intensity_g_per_kwh,
        index_percent=row.index_percent,
    )


def _overdue(told: Reading, now: datetime) -> str:
    late_s = (now - told.at).total_seconds() - told.period_seconds
    return f"the last update is {late_s:.0f} s overdue"


def _forecast(text: str | None) -> Forecast | None:
    if text is None:
        return None
    raw = json.loads(text)
    return Forecast(
        generated_at=datetime.fromisoformat(raw["generated_at"]),
        start=datetime.fromisoformat(raw["start"]),
        period_seconds=raw["period_seconds"],
        values_g_per_kwh=tuple(raw["values_g_per_kwh"]),
    )


def _cuts(text: str | None) -> Cuts | None:
    if text is None:
        return None
    raw = json.loads(text)
    return Cuts(tuple(raw["edges"]), raw["margin"])

"""How far a region's forecasts were off, from the updates and the readings that the ledger keeps.

Every update is kept whole, with its forecast, and a reading's rank tells the instant of the update
that brought it: so the update that belongs to a point is found by an index, however many jobs'
events lie between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, select, text

from shared.domain.forecast_error import ForecastError, IssuedForecast, forecast_errors
from shared.domain.grid import Curve, Freshness, Signal
from shared.ledger.event_bodies import whole_body
from shared.ledger.reads.query import reading
from shared.ledger.tables import ABOUT_NO_JOB, AnyRow, events, readings
from shared.ledger.writes.positions import told_at

UPDATE = "intensity.updated.v1"
MOST_POINTS = 2016
"""A week of 5-minute points; of denser ones the latest so many."""
FORECASTS_COMPARED = 168
"""Evenly spread over the time: hourly over a week of 5-minute points."""
LEAD_HOURS = (1.0, 3.0, 6.0, 12.0, 24.0, 48.0)
SHORT_PERIOD_SECONDS = 60.0
"""Of points closer than this, of a recording that is replayed fast, minutes stand for hours."""


@dataclass(frozen=True, slots=True)
class ForecastReview:
    """The errors of one region's forecasts of one signal and source.

    Attributes:
        since: when the first forecast was made that was compared, and `until` the last.
        forecasts: how many were compared.
    """

    region: str
    signal: Signal
    source: str
    simulated: bool
    since: datetime
    until: datetime
    forecasts: int
    errors: tuple[ForecastError, ...]


def forecast_review(engine: Engine, region: str, now: datetime) -> ForecastReview | None:
    """Forecasts made before, against what was observed, at several lead times.

    Only points that were observed count, in grams and of the kind that was observed last; None
    where there are none of them, or no forecast was told with one.
    """
    with reading(engine) as connection:
        observed = _observed(connection, region, now)
        if not observed:
            return None
        issued = _issued(connection, region, _told(observed))
    if not issued:
        return None
    newest = observed[-1]
    unit_s = 60.0 if newest.period_seconds < SHORT_PERIOD_SECONDS else 3600.0
    errors = forecast_errors(
        issued,
        {row.at.timestamp(): row.intensity_g_per_kwh for row in observed},
        [hours * unit_s for hours in LEAD_HOURS],
    )
    return ForecastReview(
        region=region,
        signal=Signal(newest.signal),
        source=newest.source,
        simulated=newest.simulated,
        since=datetime.fromtimestamp(min(made.at_s for made in issued), UTC),
        until=datetime.fromtimestamp(max(made.at_s for made in issued), UTC),
        forecasts=len(issued),
        errors=tuple(errors),
    )


def _observed(connection: Connection, region: str, now: datetime) -> list[AnyRow]:
    """The observed points of the kind that was observed last, in their order."""
    rows = readings.c
    query = (
        select(
            rows.at,
            rows.key,
            rows.signal,
            rows.source,
            rows.simulated,
            rows.period_seconds,
            rows.intensity_g_per_kwh,
        )
        .where(
            rows.region == region,
            rows.at <= now,
            rows.freshness == Freshness.LIVE.value,
            rows.intensity_g_per_kwh.is_not(None),
        )
        .order_by(rows.at.desc())
        .limit(MOST_POINTS)
    )
    found = connection.execute(query).all()
    newest = _kind(found[0]) if found else None
    return [row for row in reversed(found) if _kind(row) == newest]


def _kind(row: AnyRow) -> tuple[Any, ...]:
    return row.signal, row.source, row.simulated, row.period_seconds


def _told(points: Sequence[AnyRow]) -> list[datetime]:
    """When points were told, thinned evenly; all of a history were told at once, by no update."""
    instants = sorted({told_at(point.key) for point in points})
    return instants[:: -(-len(instants) // FORECASTS_COMPARED)]


def _issued(
    connection: Connection, region: str, instants: Sequence[datetime]
) -> list[IssuedForecast]:
    """What the updates of some instants forecast."""
    query = (
        select(events)
        .where(text(ABOUT_NO_JOB), events.c.at.in_(instants), events.c.type == UPDATE)
        .order_by(events.c.at)
    )
    texts = (whole_body(row.body, row.id, row.job_id, row.at) for row in connection.execute(query))
    # Regions are told of at the same instants: what does not name ours is not worth reading.
    name = to_json(region).decode()
    updates = (from_json(told) for told in texts if name in told)
    found = (_forecast(update) for update in updates if update["reading"]["region"] == region)
    return [forecast for forecast in found if forecast is not None]


def _forecast(update: Mapping[str, Any]) -> IssuedForecast | None:
    told = update.get("forecast")
    if told is None:
        return None
    until = update.get("forecast_issued_until")
    return IssuedForecast(
        at_s=_seconds(update["reading"]["at"]),
        curve=Curve(_seconds(told["start"]), told["period_seconds"], told["values_g_per_kwh"]),
        issued_until_s=None if until is None else _seconds(until),
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

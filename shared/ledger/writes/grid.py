"""Record the grid, the pools and the processes."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, update

from shared.domain.grid import Freshness
from shared.ledger.shape import Row
from shared.ledger.tables import grids, jobs, pool_sizes, readings, services, timetables
from shared.ledger.upsert import insert_new, upsert
from shared.ledger.writes import positions
from shared.messages import (
    IntensityRevised,
    IntensityUpdated,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
)

CARRIED_PERIODS = 13
"""A point may speak for its own period and the 12 after it (`mean_intensity`)."""
_RUNGS = tuple(reversed(Freshness))
_REVISED_RANK = len(_RUNGS)
"""A source's own revision of a point outranks whatever was told of it before."""


def record_grids(
    connection: Connection, updates: Sequence[IntensityUpdated], since: datetime | None = None
) -> None:
    """Keep the points, the latest update of each region, and say which accounts to work out.

    Args:
        connection: in a transaction.
        updates: in any order.
        since: earlier points were pruned, and stay away; None where none were.
    """
    if not updates:
        return
    kept = [told for told in updates if since is None or told.reading.at >= since]
    upsert(connection, readings, [_reading(update) for update in kept], newer_by="key")
    upsert(connection, grids, [_grid(update) for update in updates], newer_by="key")
    for told in kept:
        # Also where no grams are told: they may replace some that an account rests on.
        point = told.reading
        _make_due(connection, point.at, point.at, point.period_seconds)


def record_revisions(
    connection: Connection, revisions: Sequence[IntensityRevised], since: datetime | None = None
) -> None:
    """Keep revised points above what was told before, and say which accounts to work out.

    Args:
        connection: in a transaction.
        revisions: in any order.
        since: as for `record_grids`.
    """
    kept = [
        [row for row in _revised(told) if since is None or row["at"] >= since] for told in revisions
    ]
    upsert(connection, readings, [row for rows in kept for row in rows], newer_by="key")
    for rows in kept:
        if rows:
            _make_due(connection, rows[0]["at"], rows[-1]["at"], rows[0]["period_seconds"])


def record_pools(connection: Connection, sizes: Sequence[PoolResized]) -> None:
    """Keep every change of a pool's size."""
    insert_new(connection, pool_sizes, [_pool_size(size) for size in sizes])


def record_beats(connection: Connection, beats: Sequence[ServiceBeat]) -> None:
    """Keep the latest beat of each process."""
    upsert(connection, services, [_service(beat) for beat in beats], newer_by="at")


def record_timetables(connection: Connection, told: Sequence[TimetableUpdated]) -> None:
    """Keep the latest timetable of each region."""
    upsert(connection, timetables, [_timetable(each) for each in told], newer_by="at")


def _make_due(
    connection: Connection, first: datetime, last: datetime, period_seconds: float
) -> None:
    """Ended jobs whose time overlaps points from a first to a last one are accounted again.

    A live point normally comes before the jobs that it matters to have ended, so the indices on
    `finished_at` and `account_until` find next to none.
    """
    until = last + timedelta(seconds=period_seconds * CARRIED_PERIODS)
    row = jobs.c
    connection.execute(
        update(jobs)
        .where(
            or_(row.finished_at >= first, row.account_until >= first),
            # By its worker's clock a job may have begun before it was submitted.
            or_(row.submitted_at.is_(None), row.submitted_at <= until, row.started_at <= until),
            row.attempts > 0,
            ~row.account_due,
        )
        .values(account_due=True)
    )


def _reading(told: IntensityUpdated) -> Row:
    point = told.reading
    # An observed point replaces an expected one, else the later update the earlier.
    key = f"{_RUNGS.index(told.freshness)}{positions.last(told.at, told.id)}"
    return {
        "region": point.region,
        "signal": point.signal.value,
        "source": point.source,
        "at": point.at,
        "key": key,
        "period_seconds": point.period_seconds,
        "simulated": point.simulated,
        "freshness": told.freshness.value,
        "band": told.band.value,
        "intensity_g_per_kwh": point.intensity_g_per_kwh,
        "index_percent": point.index_percent,
        "revised_at": None,
    }


def _revised(told: IntensityRevised) -> list[Row]:
    """Its points as observed readings."""
    same = {
        "region": told.region,
        "signal": told.signal.value,
        "source": told.source,
        "key": f"{_REVISED_RANK}{positions.last(told.at, told.id)}",
        "period_seconds": told.period_seconds,
        "simulated": told.simulated,
        "freshness": Freshness.LIVE.value,
        "revised_at": told.at,
    }
    return [
        same
        | {
            "at": point.at,
            "band": point.band.value,
            "intensity_g_per_kwh": point.intensity_g_per_kwh,
            "index_percent": point.index_percent,
        }
        for point in told.points
    ]


def _grid(told: IntensityUpdated) -> Row:
    forecast = told.model_dump(mode="json", include={"forecast", "cuts"})
    row = _reading(told) | {"key": positions.last(told.at, told.id)}
    del row["revised_at"]
    return row | {
        "updated_at": told.at,
        "reason": told.reason,
        "forecast": None if told.forecast is None else json.dumps(forecast["forecast"]),
        "cuts": None if told.cuts is None else json.dumps(forecast["cuts"]),
        "warnings": json.dumps(told.warnings),
    }


def _pool_size(event: PoolResized) -> Row:
    return {
        "event_id": event.id,
        "at": event.at,
        "pool": event.pool,
        "region": event.region,
        "band": event.band.value,
        "factor": event.factor,
        "consumers": event.consumers,
        "prefetch": event.prefetch,
        "base_consumers": event.base_consumers,
        "base_prefetch": event.base_prefetch,
        "reason": event.reason,
    }


def _service(event: ServiceBeat) -> Row:
    return {
        "instance": event.instance,
        "service": event.service,
        "at": event.at,
        "host": event.host,
        "pid": event.pid,
        "started_at": event.started_at,
        "interval_seconds": event.interval_seconds,
        "facts": json.dumps(event.facts),
    }


def _timetable(event: TimetableUpdated) -> Row:
    return {
        "region": event.region,
        "at": event.at,
        "slot_seconds": event.slot_seconds,
        "consumers": event.consumers,
        "backlog_seconds": event.backlog_seconds,
        "slots": json.dumps([slot.model_dump(mode="json") for slot in event.slots]),
    }

"""The fleet: which processes are alive, and how large the worker pools are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from shared.domain.bands import Band
from shared.ledger.reads.grid import regions
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, pool_sizes
from shared.ledger.tables import services as service_rows

BEATS_MISSED = 3
"""A process that was silent for this many intervals counts as gone."""
FORGET_AFTER = timedelta(days=1)
WORKER_SERVICE = "worker_pool"

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class PoolSize:
    """A worker pool's size from `at` on."""

    at: datetime
    pool: str
    region: str
    band: Band
    factor: float
    consumers: int
    prefetch: int
    base_consumers: int
    base_prefetch: int
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """The latest beat of one process; `facts` are its own numbers."""

    service: str
    instance: str
    host: str
    pid: int
    started_at: datetime
    at: datetime
    interval_seconds: float
    alive: bool
    facts: Mapping[str, Fact]


def services(engine: Engine, now: datetime) -> list[ServiceRow]:
    """The processes heard of within a day, by service and instance."""
    rows = service_rows
    query = (
        select(rows)
        .where(rows.c.at >= now - FORGET_AFTER)
        .order_by(rows.c.service, rows.c.instance)
    )
    with reading(engine) as connection:
        return [_service(row, now) for row in connection.execute(query)]


def silent_since(beats: Sequence[ServiceRow]) -> datetime | None:
    """When any process was last heard, where none is alive; None where one is, or none is known.

    The broker is away then, or the ledger service that writes beats down, or all were stopped.
    """
    if not beats or any(beat.alive for beat in beats):
        return None
    return max(beat.at for beat in beats)


def last_known(beats: Sequence[ServiceRow]) -> list[ServiceRow]:
    """The processes as they are, or as they were when one of them was last heard."""
    last = silent_since(beats)
    if last is None:
        return list(beats)
    return [replace(beat, alive=_is_alive(beat.at, beat.interval_seconds, last)) for beat in beats]


def pool_sizes_since(engine: Engine, region: str, since: datetime) -> list[PoolSize]:
    """Every change of size of a region's pools since, in their order."""
    rows = pool_sizes
    query = (
        select(rows)
        .where(rows.c.region == region, rows.c.at >= since)
        .order_by(rows.c.at, rows.c.pool)
    )
    with reading(engine) as connection:
        return [_pool_size(row) for row in connection.execute(query)]


def pools(engine: Engine, now: datetime, region: str | None = None) -> list[PoolSize]:
    """The present size of each pool that is alive."""
    return live_pools(engine, services(engine, now), region)


def live_pools(
    engine: Engine, beats: Sequence[ServiceRow], region: str | None = None
) -> list[PoolSize]:
    """The latest size of each pool whose process is alive by its beats.

    A pool is named `<instance>:<region>` after its process.
    """
    alive = [beat.instance for beat in beats if beat.alive and beat.service == WORKER_SERVICE]
    if not alive:
        return []
    names = [f"{instance}:{where}" for instance in alive for where in regions(engine)]
    latest = (
        select(pool_sizes.c.pool, func.max(pool_sizes.c.at).label("at"))
        .where(pool_sizes.c.pool.in_([*alive, *names]))
        .group_by(pool_sizes.c.pool)
        .subquery("latest")
    )
    joined = (pool_sizes.c.pool == latest.c.pool) & (pool_sizes.c.at == latest.c.at)
    query = select(pool_sizes).join(latest, joined).order_by(pool_sizes.c.event_id)
    with reading(engine) as connection:
        found = {row.pool: _pool_size(row) for row in connection.execute(query)}
    sizes = sorted(found.values(), key=lambda size: size.pool)
    return [size for size in sizes if region is None or size.region == region]


def _service(row: AnyRow, now: datetime) -> ServiceRow:
    return ServiceRow(
        service=row.service,
        instance=row.instance,
        host=row.host,
        pid=row.pid,
        started_at=row.started_at,
        at=row.at,
        interval_seconds=row.interval_seconds,
        alive=_is_alive(row.at, row.interval_seconds, now),
        facts=json.loads(row.facts),
    )


def _is_alive(heard_at: datetime, interval_seconds: float, now: datetime) -> bool:
    return (now - heard_at).total_seconds() <= BEATS_MISSED * interval_seconds


def _pool_size(row: AnyRow) -> PoolSize:
    return PoolSize(
        at=row.at,
        pool=row.pool,
        region=row.region,
        band=Band(row.band),
        factor=row.factor,
        consumers=row.consumers,
        prefetch=row.prefetch,
        base_consumers=row.base_consumers,
        base_prefetch=row.base_prefetch,
        reason=row.reason,
    )

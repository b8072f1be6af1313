"""The statistics block: the grid now, the jobs, the workers, and what was saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, func, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads.fleet import WORKER_SERVICE, PoolSize, ServiceRow, live_pools, services
from shared.ledger.reads.grid import GridNow, latest_grid
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, jobs, rejections

_FINAL = tuple(state.value for state in State if state in FINAL_STATES)


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs are in each state, and how many messages were no jobs."""

    submitted: int
    deferred: int
    ready: int
    running: int
    retrying: int
    paused: int
    succeeded: int
    dead: int
    cancelled: int
    expired: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The live worker pools together.

    Attributes:
        prefetch: of one consumer, the largest.
        factor: the mean, weighted by the base consumers; None without a pool.
    """

    consumers: int
    prefetch: int
    base_consumers: int
    factor: float | None
    pools: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The ledger at a glance.

    The sums are over finished jobs that ran, of the grid's present kind (`signal`, `simulated`),
    whose account is complete: 0.0 when no job has finished, None when none of them could be known.

    Attributes:
        region: of the grid; None before the first update.
        age_seconds: since the start of the point that holds.
        processed: jobs that ran to an end, good or bad.
        pending: jobs that have not begun.
        unknown_jobs: finished jobs of no known kind or without a complete account.
        other_kind_jobs: finished jobs accounted with another signal, or simulated where the grid
            now is real, or the reverse.
        active_workers: worker processes alive.
        worker_running: jobs that they say they are running.
    """

    region: str | None
    intensity_g_per_kwh: float | None
    index_percent: float | None
    band: Band
    signal: Signal | None
    source: str | None
    simulated: bool | None
    freshness: Freshness
    age_seconds: float | None
    jobs: JobCounts
    capacity: Capacity
    emissions_g: float | None
    baseline_g: float | None
    reference_g: float | None
    avoided_g: float | None
    energy_kwh: float | None
    unknown_jobs: int
    other_kind_jobs: int
    processed: int
    pending: int
    active_workers: int
    worker_running: int
    reason: str | None
    next_update_at: datetime | None
    warnings: tuple[str, ...]


def statistics(engine: Engine, now: datetime, region: str | None = None) -> Statistics:
    """The statistics now, of one region or of all.

    Without a region, jobs and pools are those of all regions, and the grid is the one that was
    updated last.
    """
    grid = latest_grid(engine, region, now)
    beats = services(engine, now)
    workers = [beat for beat in beats if beat.alive and beat.service == WORKER_SERVICE]
    counts = _counts(engine, region)
    sums = _sums(engine, grid, region)
    return Statistics(
        region=grid.region if grid else region,
        intensity_g_per_kwh=grid.intensity_g_per_kwh if grid else None,
        index_percent=grid.index_percent if grid else None,
        band=grid.band if grid else Band.UNKNOWN,
        signal=grid.signal if grid else None,
        source=grid.source if grid else None,
        simulated=grid.simulated if grid else None,
        freshness=grid.freshness if grid else Freshness.UNKNOWN,
        age_seconds=grid.age_seconds if grid else None,
        jobs=counts,
        capacity=_capacity(live_pools(engine, beats, region)),
        emissions_g=_sum(sums, sums.emissions_g),
        baseline_g=_sum(sums, sums.baseline_g),
        reference_g=_sum(sums, sums.reference_g),
        avoided_g=_sum(sums, sums.avoided_g),
        energy_kwh=_sum(sums, sums.energy_kwh),
        unknown_jobs=sums.unknown or 0,
        other_kind_jobs=sums.other or 0,
        processed=counts.succeeded + counts.dead,
        pending=counts.submitted + counts.deferred + counts.ready,
        active_workers=len(workers),
        worker_running=sum(_running(beat) for beat in workers),
        reason=grid.reason if grid else "no update of the grid has arrived yet",
        next_update_at=grid.next_update_at if grid else None,
        warnings=grid.warnings if grid else (),
    )


def _counts(engine: Engine, region: str | None) -> JobCounts:
    by_state = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    if region is not None:
        by_state = by_state.where(jobs.c.region == region)
    with reading(engine) as connection:
        found: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_state)}
        rejected = connection.scalar(select(func.count()).select_from(rejections)) or 0
    return JobCounts(
        **{state.value: found.get(state.value, 0) for state in State}, rejected=rejected
    )


def _sums(engine: Engine, grid: GridNow | None, region: str | None) -> AnyRow:
    """Sums over one kind of account, and how many finished jobs they leave out.

    Whatever ran has used energy, also a job that was cancelled or expired afterwards.
    """
    known = jobs.c.avoided_g.is_not(None)
    kind = known & _same_kind(grid)
    query = select(
        func.count().label("finished"),
        _over(kind, jobs.c.emissions_g).label("emissions_g"),
        _over(kind, jobs.c.baseline_g).label("baseline_g"),
        _over(kind, jobs.c.reference_g).label("reference_g"),
        _over(kind, jobs.c.avoided_g).label("avoided_g"),
        _over(kind, jobs.c.energy_kwh).label("energy_kwh"),
        func.sum(case((known, 0), else_=1)).label("unknown"),
        func.sum(case((known & ~_same_kind(grid), 1), else_=0)).label("other"),
    ).where(jobs.c.state.in_(_FINAL), jobs.c.attempts > 0)
    if region is not None:
        query = query.where(jobs.c.region == region)
    with reading(engine) as connection:
        return connection.execute(query).one()


def _same_kind(grid: GridNow | None) -> ColumnElement[bool]:
    if grid is None:
        return jobs.c.signal.is_(None)
    return (jobs.c.signal == grid.signal.value) & (jobs.c.simulated == grid.simulated)


def _over(kind: ColumnElement[bool], column: ColumnElement[float | None]) -> ColumnElement[Any]:
    return func.sum(case((kind, column)))


def _sum(sums: AnyRow, value: float | None) -> float | None:
    return 0.0 if sums.finished == 0 else value


def _capacity(sizes: Sequence[PoolSize]) -> Capacity:
    base = sum(size.base_consumers for size in sizes)
    weighted = sum(size.factor * size.base_consumers for size in sizes)
    return Capacity(
        consumers=sum(size.consumers for size in sizes),
        prefetch=max((size.prefetch for size in sizes), default=0),
        base_consumers=base,
        factor=weighted / base if base else None,
        pools=len(sizes),
    )


def _running(beat: ServiceRow) -> int:
    value = beat.facts.get("running", 0)
    return int(value) if isinstance(value, int | float) else 0

"""The statistics block: the grid now, the jobs, the workers, and what was saved."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import State
from shared.ledger.contributions import PER_GRAM, PER_KWH
from shared.ledger.reads.fleet import WORKER_SERVICE, PoolSize, ServiceRow, live_pools, services
from shared.ledger.reads.grid import GridNow, latest_grid
from shared.ledger.reads.query import reading, total
from shared.ledger.tables import daily, rejections

AnySelect = Select[*tuple[Any, ...]]
_SUMMED = (
    *("ran_jobs", "known_jobs", "energy_microwatt_hours"),
    *(f"{name}_micrograms" for name in ("emissions", "baseline", "reference", "avoided")),
)


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
    ran, known = (sums[name] + sums[f"other_{name}"] for name in ("ran_jobs", "known_jobs"))
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
        emissions_g=_figure(sums, "emissions_micrograms", PER_GRAM),
        baseline_g=_figure(sums, "baseline_micrograms", PER_GRAM),
        reference_g=_figure(sums, "reference_micrograms", PER_GRAM),
        avoided_g=_figure(sums, "avoided_micrograms", PER_GRAM),
        energy_kwh=_figure(sums, "energy_microwatt_hours", PER_KWH),
        unknown_jobs=int(ran - known),
        other_kind_jobs=int(sums["other_known_jobs"]),
        processed=counts.succeeded + counts.dead,
        pending=counts.submitted + counts.deferred + counts.ready,
        active_workers=len(workers),
        worker_running=sum(_running(beat) for beat in workers),
        reason=grid.reason if grid else "no update of the grid has arrived yet",
        next_update_at=grid.next_update_at if grid else None,
        warnings=grid.warnings if grid else (),
    )


def _counts(engine: Engine, region: str | None) -> JobCounts:
    by_state = _of(region, select(daily.c.state, total(daily.c.jobs))).group_by(daily.c.state)
    with reading(engine) as connection:
        found = {state: int(count) for state, count in connection.execute(by_state)}
        rejected = connection.scalar(select(func.count()).select_from(rejections)) or 0
    return JobCounts(
        **{state.value: found.get(state.value, 0) for state in State}, rejected=rejected
    )


def _sums(engine: Engine, grid: GridNow | None, region: str | None) -> Counter[str]:
    """Sums over the accounts of each kind, and how many finished jobs they leave out.

    Whatever ran has used energy, also a job that was cancelled or expired afterwards. Sums of the
    grid's present kind go by their own names, those of the others begin with `other_`.
    """
    kind = (daily.c.signal, daily.c.simulated)
    sums = [total(daily.c[name]).label(name) for name in _SUMMED]
    query = _of(region, select(*kind, *sums).where(daily.c.ran_jobs > 0)).group_by(*kind)
    found: Counter[str] = Counter()
    with reading(engine) as connection:
        for row in connection.execute(query):
            same = grid is not None and (row.signal, row.simulated) == (grid.signal, grid.simulated)
            for name in _SUMMED:
                found[name if same else f"other_{name}"] += row._mapping[name]  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return found


def _of(region: str | None, query: AnySelect) -> AnySelect:
    return query if region is None else query.where(daily.c.region == region)


def _figure(sums: Counter[str], name: str, per_unit: int) -> float | None:
    """A sum in its unit: 0 when no job has finished, unknown when none is known."""
    if not sums["ran_jobs"] + sums["other_ran_jobs"]:
        return 0.0
    return sums[name] / per_unit if sums["known_jobs"] else None


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

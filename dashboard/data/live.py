"""What the page Live shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from dashboard import frames, frames_workers
from dashboard.data.source import Known, kept, known, ledger
from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.reads.dashboard_live import (
    AvoidedSum,
    DeadlineCount,
    Waiting,
    avoided_since,
    deadlines,
    waiting_since,
)
from shared.ledger.reads.fleet import WORKER_SERVICE
from shared.ledger.reads.report import curves
from shared.ledger.reads.spans import first_finish
from shared.runtime import system_clock

SHOWN_PERIODS = 288
"""History and forecast each reach this many points: 24 h at 5 minutes."""
FAST_PERIOD_SECONDS = 60.0
FAST_PERIODS = 72
"""A recording that is replayed faster than this has jobs as short: less concerns them."""
SPARK_POINTS = 60
COURSE_KEPT_SECONDS = 30
WAITING_KEPT_SECONDS = 60
"""On a day's axis a minute cannot be seen, and of some ten thousand jobs this is the dearest read:
until twice this age the last one is shown while a newer one is read."""
DECISIONS_SHOWN = 8
JOBS_SHOWN = 50
RUNNING_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Now:
    """What the header shows.

    Attributes:
        silent_since: when a process was last heard, where none is alive any more.
        pools: their present sizes; while all is silent, the last that were told.
        lost_jobs: on record as running, in a pool that is silent.
        capacity: jobs at once over the shown span, evenly spaced, for its sparkline.
    """

    at: datetime
    statistics: reads.Statistics
    silent_since: datetime | None
    grid: reads.GridNow | None
    pools: list[reads.PoolSize]
    readings: list[reads.ReadingRow]
    lost_jobs: int
    capacity: list[float]


@dataclass(frozen=True, slots=True)
class Details:
    """What the charts and tables show.

    Attributes:
        since: where the charts begin.
        deadlines: of unfinished jobs, as far ahead as the page looks.
        waiting: how many jobs waited since then, from each change that can be seen.
        sizes: changes of the pools since then; `pools` are their present sizes.
        beats: of every process; while all is silent, as they were last heard, at `heard_at`.
    """

    at: datetime
    since: datetime
    heard_at: datetime
    statistics: reads.Statistics
    grid: reads.GridNow | None
    readings: list[reads.ReadingRow]
    planned: list[reads.PlannedSlot]
    deadlines: list[DeadlineCount]
    waiting: list[Waiting]
    sizes: list[reads.PoolSize]
    pools: list[reads.PoolSize]
    beats: list[reads.ServiceRow]
    jobs: list[reads.JobStatus]
    decisions: list[reads.RecentDecision]


def regions(url: str) -> list[str]:
    """The regions of the ledger, none where it cannot be read."""
    return known("regions", _regions, url).value or []


def now(url: str, region: str | None) -> Known[Now]:
    """What the header shows, of one region or of all."""
    return known("now", _now, url, region)


@dataclass(frozen=True, slots=True)
class Avoided:
    """What the jobs that finished in a span avoided, of the grid's present kind.

    Attributes:
        grams: how the sum came about, evenly spaced, over all regions; empty where it is unknown.
    """

    total: AvoidedSum
    grams: list[float]


def avoided(url: str, region: str | None, since: datetime) -> Avoided | None:
    """What the jobs that finished since avoided."""
    total = known("avoided", _avoided, url, region, since).value
    if total is None:
        return None
    grams = known("course avoided", _course_avoided, url, since).value or []
    return Avoided(total, grams if region is None else [])


def details(url: str, region: str | None) -> Known[Details]:
    """What the charts and tables show."""
    return known("details", _details, url, region)


@kept(2)
def _regions(url: str) -> list[str]:
    return reads.regions(ledger(url))


@kept(1.5)
def _now(url: str, region: str | None) -> Now:
    engine, at = ledger(url), system_clock()
    statistics = reads.statistics(engine, at, region)
    grid = reads.latest_grid(engine, statistics.region, at)
    told = reads.services(engine, at)
    beats = reads.last_known(told)
    return Now(
        at=at,
        statistics=statistics,
        silent_since=reads.silent_since(told),
        grid=grid,
        pools=reads.live_pools(engine, beats, region),
        lost_jobs=_lost(engine, beats, region, at),
        readings=_readings(engine, grid, at - _span(grid)),
        capacity=_capacity(url, region),
    )


def _lost(
    engine: Engine, beats: Sequence[reads.ServiceRow], region: str | None, now: datetime
) -> int:
    """As on the page Workers; which jobs run is only read where a worker is silent."""
    if all(beat.alive for beat in beats if beat.service == WORKER_SERVICE):
        return 0
    running = reads.recent_jobs(engine, states=[State.RUNNING], region=region, limit=RUNNING_SHOWN)
    return sum(each.jobs for each in frames_workers.lost(beats, running, now))


@kept(5)
def _capacity(url: str, region: str | None) -> list[float]:
    engine, at = ledger(url), system_clock()
    grid = reads.latest_grid(engine, region, at)
    if grid is None:
        return []
    since, told = at - _span(grid), reads.services(engine, at)
    beats = reads.last_known(told)
    steps = frames.capacity_steps(
        reads.pool_sizes_since(engine, grid.region, since),
        reads.live_pools(engine, beats, grid.region),
        beats,
        since,
        reads.silent_since(told) or at,
    )
    return frames.evenly(steps["at"].tolist(), steps["jobs"].tolist(), SPARK_POINTS)


@kept(5, entries=50)
def _avoided(url: str, region: str | None, since: datetime) -> AvoidedSum:
    engine = ledger(url)
    grid = reads.latest_grid(engine, region, system_clock())
    return avoided_since(
        engine,
        since,
        signal=grid.signal if grid else None,
        simulated=grid.simulated if grid else None,
        region=region,
    )


@kept(4)
def _details(url: str, region: str | None) -> Details:
    engine, at = ledger(url), system_clock()
    statistics = reads.statistics(engine, at, region)
    place = statistics.region
    grid = reads.latest_grid(engine, place, at)
    since, told = at - _span(grid), reads.services(engine, at)
    beats = reads.last_known(told)
    return Details(
        at=at,
        since=since,
        heard_at=reads.silent_since(told) or at,
        statistics=statistics,
        grid=grid,
        readings=_readings(engine, grid, since),
        planned=reads.planned(engine, place, at) if place else [],
        deadlines=deadlines(engine, place, at, at + _span(grid)) if place else [],
        waiting=_waiting(url, region, grid),
        sizes=reads.pool_sizes_since(engine, place, since) if place else [],
        pools=reads.live_pools(engine, beats, place),
        beats=beats,
        jobs=reads.recent_jobs(engine, region=region, limit=JOBS_SHOWN),
        decisions=reads.recent_decisions(engine, region=region, limit=DECISIONS_SHOWN),
    )


@kept(COURSE_KEPT_SECONDS, entries=50, behind=True)
def _course_avoided(url: str, since: datetime) -> list[float]:
    engine, at = ledger(url), system_clock()
    grid = reads.latest_grid(engine, None, at)
    if grid is None:
        return []
    # From the first job on, as on the page Savings.
    begin = first_finish(engine, since)
    lines = curves(engine, begin, at, SPARK_POINTS) if begin else {}
    points = lines.get((grid.signal, grid.simulated), [])
    times = [point.at for point in points]
    grams = [point.baseline_g - point.emissions_g for point in points]
    return frames.evenly([*times, at], [*grams, *grams[-1:]], SPARK_POINTS) if points else []


def _waiting(url: str, region: str | None, grid: reads.GridNow | None) -> list[Waiting]:
    span = _span(grid)
    is_fast = grid is not None and grid.period_seconds < FAST_PERIOD_SECONDS
    return _waiting_within(url, region, span) if is_fast else _waiting_of_a_day(url, region, span)


def _waiting_within(url: str, region: str | None, span: timedelta) -> list[Waiting]:
    steps = waiting_since(ledger(url), region, system_clock() - span)
    return frames.thinned(steps, span / frames.QUEUE_POINTS)


@kept(WAITING_KEPT_SECONDS, entries=50, behind=True)
def _waiting_of_a_day(url: str, region: str | None, span: timedelta) -> list[Waiting]:
    return _waiting_within(url, region, span)


def _span(grid: reads.GridNow | None) -> timedelta:
    return timedelta(seconds=SHOWN_PERIODS * 300.0) if grid is None else ahead(grid)


def ahead(grid: reads.GridNow) -> timedelta:
    """How far the page looks into the forecast, and as far back."""
    is_fast = grid.period_seconds < FAST_PERIOD_SECONDS
    periods = FAST_PERIODS if is_fast else SHOWN_PERIODS
    return timedelta(seconds=periods * grid.period_seconds)


def _readings(
    engine: Engine, grid: reads.GridNow | None, since: datetime
) -> list[reads.ReadingRow]:
    """The points of the kind that holds now; kinds are not to be mixed in one line."""
    if grid is None:
        return []
    kind = (grid.signal, grid.source, grid.simulated)
    rows = reads.readings_since(engine, grid.region, since)
    return [row for row in rows if (row.signal, row.source, row.simulated) == kind]

"""The statistics block: what `status` prints, and what `up` prints at its end."""

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text
from sqlalchemy import Engine

from services.cli.output import Rows
from services.cli.palette import grid_now, signed_style, simulated_badge
from services.cli.words import counted, duration, energy, grams, intensity, percent_of
from shared.domain.savings import REFERENCE_G_PER_KWH
from shared.ledger.reads import PoolSize, Statistics, pools, statistics


def read_statistics(
    engine: Engine, now: datetime, region: str | None
) -> tuple[Statistics, Sequence[PoolSize]]:
    """The figures, and the pools whose reasons explain the capacity."""
    return statistics(engine, now, region), pools(engine, now, region)


def statistics_rows(stats: Statistics, sizes: Sequence[PoolSize]) -> Rows:
    """The block, line by line."""
    yield "Carbon intensity", _grid(stats)
    yield "Source", _source(stats)
    for warning in stats.warnings:
        yield "Warning", warning
    yield from _job_rows(stats)
    yield "Carbon saved", saved(stats)
    yield "Emitted", f"{grams(stats.emissions_g)} CO2 from {energy(stats.energy_kwh)}"
    reference = f"{grams(stats.reference_g)}, the same energy at a fixed"
    yield "Reference", f"{reference} {REFERENCE_G_PER_KWH:.0f} g/kWh"
    if stats.unknown_jobs:
        text = f"{counted(stats.unknown_jobs, 'finished job')} without a complete account"
        yield "Not counted", text
    if stats.other_kind_jobs:
        text = f"{counted(stats.other_kind_jobs, 'finished job')} on another kind of grid data"
        yield "Counted apart", text
    yield "Active workers", str(stats.active_workers)
    yield "Capacity", _capacity(stats, sizes)


def saved(stats: Statistics) -> Text:
    """The carbon that was avoided, and whether that is simulated."""
    text = saved_words(stats)
    if stats.simulated:
        text.append("  ").append_text(simulated_badge(simulated=True))
    return text


def saved_words(stats: Statistics) -> Text:
    """The carbon that was avoided, in mass and as a share of the baseline."""
    text = Text(grams(stats.avoided_g, signed=True), signed_style(stats.avoided_g))
    share = percent_of(stats.avoided_g, stats.baseline_g)
    if share is not None:
        text.append(f" ({share} of the baseline {grams(stats.baseline_g)})", "default")
    return text


def _grid(stats: Statistics) -> Text:
    now = intensity(stats.intensity_g_per_kwh, stats.index_percent)
    return grid_now(now, stats.band, simulated=stats.simulated)


def _source(stats: Statistics) -> str:
    if stats.region is None or stats.signal is None or stats.age_seconds is None:
        return stats.reason or "no update of the grid has arrived yet"
    age = f"{duration(stats.age_seconds)} old"
    line = f"{stats.region}, {stats.signal.value} from {stats.source}, {stats.freshness.value}, "
    return line + age + (f": {stats.reason}" if stats.reason else "")


def _job_rows(stats: Statistics) -> Rows:
    jobs = stats.jobs
    processed = f"{stats.processed} ({jobs.succeeded} succeeded, {jobs.dead} dead)"
    yield "Jobs processed", processed
    yield "Jobs deferred", f"{jobs.deferred} waiting for a cleaner grid"
    yield "Jobs in queue", f"{jobs.ready} released, waiting for a worker"
    yield "Jobs pending", f"{stats.pending} not begun"
    yield "Jobs running", str(jobs.running)
    yield "Jobs dead", str(jobs.dead)
    others = ("retrying", "paused", "cancelled", "expired", "rejected")
    shown = [f"{getattr(jobs, name)} {name}" for name in others if getattr(jobs, name)]
    if shown:
        yield "Other jobs", ", ".join(shown)


def _capacity(stats: Statistics, sizes: Sequence[PoolSize]) -> str:
    capacity = stats.capacity
    if not capacity.pools:
        return "no worker pool is alive; start one with `carbon-aware up`"
    reasons = "; ".join(dict.fromkeys(size.reason for size in sizes))
    size = f"{counted(capacity.consumers, 'consumer')}, prefetch {capacity.prefetch}"
    return f"{size}, base {capacity.base_consumers}" + (f" ({reasons})" if reasons else "")

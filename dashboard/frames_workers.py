"""The rows that the page Workers shows, from what the ledger says; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from shared.ledger.reads import JobStatus, PoolSize, ReadingRow, ServiceRow

ALIVE, SILENT = "alive", "silent"
PAUSED, ECO_OFF, DEADLINES = "paused", "eco_off", "deadlines"
_RULES = {
    PAUSED: "paused",
    ECO_OFF: "eco mode off",
    DEADLINES: "urgent jobs, eco mode off",
    "band": "the band",
    "unknown": "no known grid",
}
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker process that fell silent with jobs on record as running there."""

    instance: str
    silent_seconds: float
    jobs: int


def process_of(pool: str, beats: Sequence[ServiceRow]) -> ServiceRow | None:
    """The process that a pool belongs to: a pool is named after it, with its region behind."""
    by_instance = {beat.instance: beat for beat in beats}
    return by_instance.get(pool) or by_instance.get(pool.rpartition(":")[0])


def rule_of(pool: PoolSize, beats: Sequence[ServiceRow]) -> str | None:
    """What a pool's size follows, as its process says; None where it does not."""
    beat = process_of(pool.pool, beats)
    value = beat.facts.get(f"rule.{pool.region}") if beat else None
    return str(value) if value is not None else None


def pools(
    sizes: Sequence[PoolSize], beats: Sequence[ServiceRow], *, state: str = ALIVE
) -> pd.DataFrame:
    """One row for each pool, which is in a state, then one for each process that fell silent."""
    rows = [{"State": state, **_pool(size, beats)} for size in sizes]
    rows += [_silent(beat) for beat in beats if not beat.alive]
    return pd.DataFrame(rows)


def _pool(size: PoolSize, beats: Sequence[ServiceRow]) -> Row:
    beat = process_of(size.pool, beats)
    rule = rule_of(size, beats)
    return {
        "Process": beat.instance if beat else size.pool,
        "Host": beat.host if beat else None,
        "Region": size.region,
        "Running": _whole(beat, f"running.{size.region}", "running"),
        "Held": _whole(beat, f"held.{size.region}", "held"),
        "At most": size.consumers,
        "Base": size.base_consumers,
        "Prefetch": size.prefetch,
        "Band": size.band.words,
        "Size follows": _RULES.get(rule, rule) if rule else None,
        "Because": size.reason,
        "Last heard": beat.at if beat else None,
        "Started": beat.started_at if beat else None,
    }


def _silent(beat: ServiceRow) -> Row:
    return {
        "State": SILENT,
        "Process": beat.instance,
        "Host": beat.host,
        "Region": beat.facts.get("regions"),
        "Last heard": beat.at,
        "Started": beat.started_at,
    }


def _whole(beat: ServiceRow | None, *names: str) -> int | None:
    """The first of some numbers that a process tells."""
    for name in names if beat else ():
        value = beat.facts.get(name) if beat else None
        if isinstance(value, int | float):
            return int(value)
    return None


def lost(beats: Sequence[ServiceRow], running: Sequence[JobStatus], now: datetime) -> list[Lost]:
    """The processes that fell silent while jobs ran there; what stopped in good order is not."""
    silent = [beat for beat in beats if not beat.alive]
    found = []
    for beat in silent:
        jobs = sum(1 for job in running if _ran_at(job, beat, beats))
        if jobs:
            found.append(Lost(beat.instance, (now - beat.at).total_seconds(), jobs))
    return found


def _ran_at(job: JobStatus, beat: ServiceRow, beats: Sequence[ServiceRow]) -> bool:
    return bool(job.pieces) and process_of(job.pieces[-1].pool, beats) is beat


def running(jobs: Sequence[JobStatus], beats: Sequence[ServiceRow]) -> pd.DataFrame:
    """The jobs that run, the one that runs longest first."""
    begun = [job for job in jobs if job.pieces]
    return pd.DataFrame(
        [_running(job, beats) for job in sorted(begun, key=lambda job: job.pieces[-1].started_at)]
    )


def _running(job: JobStatus, beats: Sequence[ServiceRow]) -> Row:
    piece, progress = job.pieces[-1], job.progress
    beat = process_of(piece.pool, beats)
    return {
        "Job": job.type or str(job.id)[:8],
        "Progress, %": _percent(progress.fraction) if progress else None,
        "Says": progress.message if progress else None,
        "Process": beat.instance if beat else piece.pool,
        "Running since": piece.started_at,
        "Attempt": piece.attempt,
        "Deadline": job.deadline,
        "Id": str(job.id)[:8],
    }


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def bands(readings: Sequence[ReadingRow], since: datetime, now: datetime) -> pd.DataFrame:
    """When the grid was in which band: `start`, `end`, `band`; neighbours of one band are one."""
    rows: list[Row] = []
    for row in readings:
        start, end = max(row.at, since), min(row.at + timedelta(seconds=row.period_seconds), now)
        last = rows[-1] if rows else None
        if last is not None and last["band"] == row.band.words and last["end"] == start:
            last["end"] = end
        elif end > start:
            rows.append({"start": start, "end": end, "band": row.band.words})
    return pd.DataFrame(rows, columns=["start", "end", "band"])

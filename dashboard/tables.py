"""The rows of the page's tables; pure. Tables show text as it is, so nothing is escaped here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from dashboard import words
from dashboard.frames import STATE_WORDS
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import JobStatus, PoolSize, RecentDecision, ServiceRow

TIMES = frozenset({"Submitted", "Planned for", "Started"})
FIGURES = ("Energy", "Emitted", "Avoided")
NOT_YET = "\N{EN DASH}"
Colour = Literal["orange", "green", "red"]
_COLOURS: dict[str, Colour] = {"deferred": "orange", "released": "green", "expired": "red"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the list of decisions; `job` and `reason` may hold what a user wrote."""

    at: datetime
    job: str
    outcome: str
    colour: Colour
    reason: str


def workers(pools: Sequence[PoolSize], beats: Sequence[ServiceRow]) -> pd.DataFrame:
    """One row for each live pool, with what its process says of itself."""
    by_instance = {beat.instance: beat for beat in beats}
    rows = []
    for pool in pools:
        beat = by_instance.get(pool.pool) or by_instance.get(pool.pool.rsplit(":", 1)[0])
        rows.append(
            {
                "Pool": pool.pool,
                "Host": beat.host if beat else words.UNKNOWN,
                "Running": _number(beat, "running"),
                "At most": pool.consumers,
                "Fetched ahead": pool.prefetch,
                "Band": pool.band.words,
                "Region": pool.region,
            }
        )
    return pd.DataFrame(rows)


def _number(beat: ServiceRow | None, fact: str) -> int | None:
    value = beat.facts.get(fact) if beat else None
    return int(value) if isinstance(value, int | float) else None


def decisions(rows: Sequence[RecentDecision]) -> list[Decision]:
    """The latest decisions, newest first, each with its reason in words."""
    return [
        Decision(
            row.decision.at,
            row.job_type or str(row.job_id)[:8],
            row.decision.outcome,
            _COLOURS[row.decision.outcome],
            row.decision.reason,
        )
        for row in rows
    ]


def jobs(rows: Sequence[JobStatus]) -> pd.DataFrame:
    """The jobs submitted last, newest first."""
    return pd.DataFrame([_job(row) for row in rows])


def _job(job: JobStatus) -> dict[str, object]:
    over = job.state in FINAL_STATES and job.started_at is not None
    return {
        "State": STATE_WORDS.get(job.state.value, job.state.value),
        "Job": job.type or str(job.id)[:8],
        "Submitted": job.submitted_at,
        "Planned for": job.planned_at if job.state is State.DEFERRED else None,
        "Started": job.started_at,
        "Energy": words.with_unit(words.energy(job.energy_kwh)) if over else NOT_YET,
        "Emitted": words.with_unit(words.mass(job.emissions_g)) if over else NOT_YET,
        "Avoided": words.with_unit(words.mass(job.avoided_g)) if over else NOT_YET,
    }

"""The rows of the page's tables; pure. Tables show text as it is, so nothing is escaped here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal
from uuid import UUID

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import words
from dashboard.because import because
from dashboard.frames import STATE_WORDS
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import AttemptRow, JobStatus, PoolSize, RecentDecision, ServiceRow
from shared.ledger.reads.pages import JobLine

TIMES = ("Submitted", "Planned for", "Started")
FIGURES = ("Energy", "Emitted", "Avoided")
NOT_YET = "\N{EN DASH}"
Colour = Literal["orange", "green", "red"]
_COLOURS: dict[str, Colour] = {"deferred": "orange", "released": "green", "expired": "red"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the list of decisions; `job` and `reason` may hold what a user wrote."""

    at: datetime
    job_id: UUID
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
                "Prefetch": pool.prefetch,
                "Band": pool.band.words,
                "Region": pool.region,
            }
        )
    return pd.DataFrame(rows)


def _number(beat: ServiceRow | None, fact: str) -> int | None:
    value = beat.facts.get(fact) if beat else None
    return int(value) if isinstance(value, int | float) else None


def decisions(rows: Sequence[RecentDecision], zone: tzinfo) -> list[Decision]:
    """The latest decisions, newest first, each with its reason in words."""
    return [
        Decision(
            row.decision.at,
            row.job_id,
            row.job_type or str(row.job_id)[:8],
            row.decision.outcome,
            _COLOURS[row.decision.outcome],
            because(row.decision, zone),
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


_DONE_PERCENT = 100.0
DISTANCE_PIXELS = 112
"""Of `a few seconds ago`: a column takes its width from its first rows, and cuts what is longer."""


def job_lines(lines: Sequence[JobLine]) -> pd.DataFrame:
    """The table of the page Jobs; a region is told only where there are several."""
    rows = pd.DataFrame([_job_line(line) for line in lines])
    return rows if len({line.region for line in lines}) > 1 else rows.drop(columns="Region")


def _job_line(line: JobLine) -> dict[str, object]:
    done = _DONE_PERCENT if line.state is State.SUCCEEDED else None
    over = line.state in FINAL_STATES and line.attempts > 0
    percent = None if line.progress_fraction is None else 100 * line.progress_fraction
    return {
        "State": STATE_WORDS[line.state.value],
        "Job": line.type or str(line.id)[:8],
        "Progress": done if percent is None else percent,
        "Priority": line.priority.value if line.priority else words.UNKNOWN,
        "Region": line.region or words.UNKNOWN,
        "Submitted": line.submitted_at,
        "Planned for": line.planned_at if line.state is State.DEFERRED else None,
        "Started": line.started_at,
        "Ended": line.finished_at,
        "Deadline": None if line.state in FINAL_STATES else line.deadline,
        "Energy": words.with_unit(words.energy(line.energy_kwh)) if over else NOT_YET,
        "Emitted": words.with_unit(words.mass(line.emissions_g)) if over else NOT_YET,
        "Avoided": words.with_unit(words.mass(line.avoided_g)) if over else NOT_YET,
    }


def job_columns(zone: str) -> dict[str, ColumnConfig]:
    """How those columns are drawn: times from now, such as `in 2 hours`."""
    times: dict[str, ColumnConfig] = {
        name: st.column_config.DatetimeColumn(
            format="distance", timezone=zone, width=DISTANCE_PIXELS
        )
        for name in ("Submitted", "Planned for", "Started", "Ended", "Deadline")
    }
    figures: dict[str, ColumnConfig] = {
        name: st.column_config.TextColumn(alignment="right") for name in FIGURES
    }
    progress = st.column_config.ProgressColumn(
        format="%d %%",
        min_value=0.0,
        max_value=100.0,
        width=105,
        help="As far as the job says it is",
    )
    return {**times, **figures, "Progress": progress, "State": state_column()}


def state_column() -> ColumnConfig:
    """Wide enough for every state's words."""
    return st.column_config.TextColumn(width=160)


def runs(rows: Sequence[AttemptRow]) -> pd.DataFrame:
    """Every piece of every attempt; the piece is told only where there is a second one."""
    table = pd.DataFrame([_run(row) for row in rows])
    in_pieces = any(row.piece > 1 for row in rows)
    return table if in_pieces or table.empty else table.drop(columns="Piece")


def _run(row: AttemptRow) -> dict[str, object]:
    ran = None if row.finished_at is None else (row.finished_at - row.started_at).total_seconds()
    return {
        "Attempt": row.attempt,
        "Piece": row.piece,
        "Outcome": row.outcome or "not over yet",
        "Started": row.started_at,
        "Ended": row.finished_at,
        "Ran": NOT_YET if ran is None else words.duration(ran),
        "Energy": NOT_YET if ran is None else words.with_unit(words.energy(row.energy_kwh)),
        "Known how": row.energy_method.value if row.energy_method else NOT_YET,
        "Pool": row.pool,
        "Region": row.region,
    }

"""Attempts and their pieces: where, when and with what energy a job really ran."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from shared.domain.savings import EnergyMethod
from shared.ledger.reads.find import find_job
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow
from shared.ledger.tables import attempts as attempt_rows


@dataclass(frozen=True, slots=True)
class Piece:
    """One uninterrupted run of an attempt.

    Attributes:
        attempt: counts from 1.
        piece: counts from 1 within the attempt; it has one unless it was interrupted.
        pool: the worker pool that ran it.
        outcome: `succeeded`, `failed`, `paused` or `cancelled`; None while it runs, or where its
            worker died and nobody told its end.
        energy_kwh: that it used; None while it runs, or where that is not known.
    """

    attempt: int
    piece: int
    region: str
    pool: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    energy_kwh: float | None
    energy_method: EnergyMethod | None


@dataclass(frozen=True, slots=True)
class AttemptRow(Piece):
    """A piece with all that is known of its end.

    Attributes:
        reason: why it was paused or cancelled.
        remaining_seconds: how much longer the job was expected to run when it was paused.
        error: one line, where it failed.
        traceback: of the failure, if its handler left one.
    """

    reason: str | None
    remaining_seconds: float | None
    error: str | None
    traceback: str | None


def attempts(engine: Engine, job_id: UUID | str) -> list[AttemptRow]:
    """Every piece of every attempt at a job, in their order.

    Raises:
        NotFound: there is no such job.
    """
    rows = attempt_rows.c
    with reading(engine) as connection:
        job = find_job(connection, job_id)
        query = select(attempt_rows).where(rows.job_id == job.id).order_by(rows.attempt, rows.piece)
        return [
            AttemptRow(
                **_values(row),
                reason=row.reason,
                remaining_seconds=row.remaining_seconds,
                error=row.error,
                traceback=row.traceback,
            )
            for row in connection.execute(query)
        ]


def pieces_of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, tuple[Piece, ...]]:
    """The pieces of some jobs, in their order; a job that never ran is missing."""
    if not ids:
        return {}
    rows = attempt_rows.c
    query = (
        select(
            rows.job_id,
            rows.attempt,
            rows.piece,
            rows.region,
            rows.pool,
            rows.started_at,
            rows.finished_at,
            rows.outcome,
            rows.energy_kwh,
            rows.energy_method,
        )
        .where(rows.job_id.in_(ids))
        .order_by(rows.job_id, rows.attempt, rows.piece)
    )
    found: dict[UUID, list[Piece]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.job_id].append(Piece(**_values(row)))
    return {job_id: tuple(pieces) for job_id, pieces in found.items()}


def _values(row: AnyRow) -> dict[str, Any]:
    return {
        "attempt": row.attempt,
        "piece": row.piece,
        "region": row.region,
        "pool": row.pool,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "outcome": row.outcome,
        "energy_kwh": row.energy_kwh,
        "energy_method": EnergyMethod(row.energy_method) if row.energy_method else None,
    }

"""Merge what events say into the rows of jobs, attempts and decisions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.tables import attempts, decisions, jobs
from shared.ledger.writes import positions
from shared.ledger.writes.claims import Said, outcome_of, said_by
from shared.ledger.writes.pieces import pieces_of
from shared.ledger.writes.upsert import Row, insert_new, upsert
from shared.messages import (
    Decided,
    JobDeferred,
    JobEvent,
    JobReleased,
)

ACCOUNT_COLUMNS = (
    "signal",
    "simulated",
    "energy_kwh",
    "wasted_kwh",
    "energy_method",
    "emissions_g",
    "baseline_g",
    "reference_g",
    "avoided_g",
    "intensity_method",
    "account_revised_at",
)
_FINAL = frozenset(state.value for state in FINAL_STATES)
_OUTCOMES = {State.DEFERRED: "deferred", State.READY: "released", State.EXPIRED: "expired"}


def record_jobs(connection: Connection, events: Sequence[JobEvent]) -> None:
    """Bring the rows of the jobs that these events tell of up to date."""
    if not events:
        return
    insert_new(connection, decisions, [_decision(e) for e in events if isinstance(e, Decided)])
    upsert(connection, attempts, pieces_of(events), newer_by="key")
    rows = _present(connection, {event.job_id for event in events})
    touched: dict[UUID, Row] = {}
    for event in events:
        said = said_by(event)
        if said.claims:
            row = touched.setdefault(event.job_id, rows.get(event.job_id) or _new(event))
            _merge(row, said)
    for row in touched.values():
        _conclude(row)
    upsert(connection, jobs, list(touched.values()))


def _present(connection: Connection, ids: set[UUID]) -> dict[UUID, Row]:
    found = connection.execute(select(jobs).where(jobs.c.id.in_(ids)))
    return {row.id: dict(row._mapping) for row in found}  # noqa: SLF001 - SQLAlchemy's public name


def _new(event: JobEvent) -> Row:
    row: Row = dict.fromkeys(column.name for column in jobs.columns)
    # A retry or a failure may be the first thing that is heard of a job.
    row |= {"id": event.job_id, "state": State.SUBMITTED.value, "state_at": event.at, "piece": 1}
    row |= {"account_due": False, "account_settled": False, "account_version": 1}
    return row | {"state_key": "", "attempts": 0, "deferrals": 0}


def _merge(row: Row, said: Said) -> None:
    """Take each group of columns for which the event has the greatest rank so far."""
    for claim in said.claims:
        name = f"{claim.group}_key"
        if claim.key > (row[name] or ""):
            row[name] = claim.key
            row.update(claim.values)
    row["attempts"] = max(row["attempts"], said.attempts)
    row["deferrals"] = max(row["deferrals"], said.deferrals)
    if said.started_at is not None:
        row["started_at"] = min(row["started_at"] or said.started_at, said.started_at)


def _conclude(row: Row) -> None:
    """What follows from the merged columns."""
    if row["started_at"] is not None and row["submitted_at"] is not None:
        row["wait_seconds"] = (row["started_at"] - row["submitted_at"]).total_seconds()
    row["account_due"] = row["state"] in _FINAL and row["attempts"] > 0
    if row["state"] not in _FINAL:  # a replayed job is no longer accounted for
        row.update(dict.fromkeys(ACCOUNT_COLUMNS), account_settled=False)


def _decision(event: Decided) -> Row:
    numbers, outcome = event.numbers, outcome_of(event)
    deferred = event if isinstance(event, JobDeferred) else None
    released = event if isinstance(event, JobReleased) else None
    values: dict[str, Any] = {
        "event_id": event.id,
        "job_id": event.job_id,
        "sequence": positions.sequence(event.attempts, event.deferrals, outcome),
        "at": event.at,
        "outcome": _OUTCOMES[outcome],
        "cause": event.cause.value,
        "reason": event.reason,
        "attempts": event.attempts,
        "piece": event.piece,
        "deferrals": event.deferrals,
        "promised_g": event.promised_g,
        "planned_at": deferred.planned_at if deferred else None,
        "slot": deferred.slot if deferred else None,
        "lane": released.lane.value if released else None,
    }
    return values | {
        "region": released.region if released else numbers.region,
        "band": numbers.band.value,
        "max_band": numbers.limit.value,
        "latest_start": numbers.latest_start,
        "freshness": numbers.freshness.value,
        "intensity_g_per_kwh": numbers.intensity_g_per_kwh,
        "index_percent": numbers.index_percent,
        "forecast_age_seconds": numbers.forecast_age_seconds,
        "window_g_per_kwh": numbers.window_g_per_kwh,
        "expected_g_per_kwh": numbers.expected_g_per_kwh,
        "expected_saving_g": numbers.expected_saving_g,
    }

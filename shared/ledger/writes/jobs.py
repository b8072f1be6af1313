"""Merge what events say into the rows of jobs and attempts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, select

from shared.domain.jobs import FINAL_STATES, State
from shared.domain.waits import bucket_of
from shared.ledger.rollups import Changes
from shared.ledger.tables import attempts, jobs
from shared.ledger.writes.claims import Said, said_by
from shared.ledger.writes.pieces import pieces_of
from shared.ledger.writes.upsert import Row, upsert
from shared.messages import JobEvent

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


def record_jobs(connection: Connection, events: Sequence[JobEvent]) -> None:
    """Bring the rows of the jobs that these events tell of up to date."""
    if not events:
        return
    upsert(connection, attempts, pieces_of(events), newer_by="key")
    rows = _present(connection, {event.job_id for event in events})
    touched: dict[UUID, Row] = {}
    changes = Changes()
    for event in events:
        said = said_by(event)
        if said.claims:
            if event.job_id not in touched:
                touched[event.job_id] = _known(rows, event, changes)
            _merge(touched[event.job_id], said)
    for row in touched.values():
        _conclude(row)
        changes.after(row)
    upsert(connection, jobs, list(touched.values()))
    changes.write(connection)


def _present(connection: Connection, ids: set[UUID]) -> dict[UUID, Row]:
    found = connection.execute(select(jobs).where(jobs.c.id.in_(ids)))
    return {row.id: dict(row._mapping) for row in found}  # noqa: SLF001 - SQLAlchemy's public name


def _known(rows: dict[UUID, Row], event: JobEvent, changes: Changes) -> Row:
    """A job's row as it was, or the beginning of one."""
    row = rows.get(event.job_id)
    if row is None:
        return _new(event)
    changes.before(row)
    return row


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
        row["wait_bucket"] = bucket_of(row["wait_seconds"])
    if row["state"] == State.SUCCEEDED.value:
        # Its decisions have it, and nobody waits to know it any more.
        row["expected_g_per_kwh"] = None
    row["account_due"] = row["state"] in _FINAL and row["attempts"] > 0
    if row["state"] not in _FINAL:  # a replayed job is no longer accounted for
        row.update(dict.fromkeys(ACCOUNT_COLUMNS), account_settled=False)

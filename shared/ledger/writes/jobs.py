"""Merge what events say into the rows of jobs and attempts.

The rows of jobs stay as they are stored: an event changes a few of their many columns.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from shared.domain.jobs import FINAL_STATES, State
from shared.domain.waits import bucket_of
from shared.ledger.rollups import Changes
from shared.ledger.shape import Row, Shape, select_stored, shape_of
from shared.ledger.stored import WORDS, pack_rank
from shared.ledger.tables import attempts, jobs
from shared.ledger.upsert import among, put, upsert
from shared.ledger.writes.accounts import ACCOUNT_COLUMNS, give_accounts
from shared.ledger.writes.claims import Said
from shared.ledger.writes.told import Told

_FINAL = frozenset(WORDS[state.value] for state in FINAL_STATES)
_SUCCEEDED = WORDS[State.SUCCEEDED.value]
_NOT_ACCOUNTED: Row = dict.fromkeys(ACCOUNT_COLUMNS) | {"account_settled": False}
_BEGINNING = {
    # A retry or a failure may be the first thing that is heard of a job.
    "state": State.SUBMITTED.value,
    "state_key": "",
    "piece": 1,
    "attempts": 0,
    "deferrals": 0,
    "account_due": False,
    "account_settled": False,
    "account_version": 1,
}
_PER_SECOND = 10**6


def record_jobs(connection: Connection, new: Sequence[Told], now: datetime | None = None) -> None:
    """Bring the rows of the jobs that these events tell of up to date, with their accounts.

    Args:
        connection: in a transaction.
        new: events that were not recorded before, of any kinds.
        now: dates the revisions of accounts; None takes the time of the latest recorded event.
    """
    pieces = [told.piece for told in new if told.piece is not None]
    upsert(connection, attempts, pieces, newer_by="key")
    saying = [
        (told.job_id, told.event.at, told.said)
        for told in new
        if told.job_id is not None and told.said is not None and told.said.claims
    ]
    if not saying:
        return
    touched = _Touched(connection, {job_id for job_id, _, _ in saying})
    for job_id, at, said in saying:
        touched.merge(job_id, at, said)
    for row in touched.rows.values():
        _conclude(row)
    rows = list(touched.rows.values())
    give_accounts(connection, [row for row in rows if row["account_due"]], now)
    for row in rows:
        touched.changes.after(row)
    put(connection, jobs, rows)
    touched.changes.write(connection)


class _Touched:
    """The rows of some jobs, and what changes in the roll-ups as they change."""

    def __init__(self, connection: Connection, ids: Collection[UUID]) -> None:
        self._shape = shape_of(connection.dialect, jobs)
        self.changes = Changes()
        self.rows = _present(connection, self._shape, ids)
        for row in self.rows.values():
            self.changes.before(row)

    def merge(self, job_id: UUID, at: datetime, said: Said) -> None:
        row = self.rows.get(job_id)
        if row is None:
            row = self.rows[job_id] = self._new(job_id, at)
        _merge(self._shape, row, said)

    def _new(self, job_id: UUID, at: datetime) -> Row:
        row: Row = dict.fromkeys(self._shape.names)
        return row | self._shape.stored(_BEGINNING | {"id": job_id, "state_at": at})


def _present(connection: Connection, shape: Shape, ids: Collection[UUID]) -> dict[UUID, Row]:
    known: dict[Any, UUID] = {shape.stored({"id": job_id})["id"]: job_id for job_id in ids}
    names = shape.names
    found = connection.execute(select_stored(jobs).where(among(connection, jobs.c.id, ids)))
    return {known[row[0]]: dict(zip(names, row, strict=True)) for row in found}


def _merge(shape: Shape, row: Row, said: Said) -> None:
    """Take each group of columns for which the event has the greatest rank so far."""
    storing = shape.storing
    for group, key, values in said.claims:
        name, rank = f"{group}_key", pack_rank(key)
        if rank > (row[name] or b""):
            row[name] = rank
            for column, value in values.items():
                convert = storing[column]
                row[column] = value if convert is None else convert(value)
    row["attempts"] = max(row["attempts"], said.attempts)
    row["deferrals"] = max(row["deferrals"], said.deferrals)
    if said.started_at is not None:
        started: int = shape.stored({"started_at": said.started_at})["started_at"]
        known = row["started_at"]
        row["started_at"] = started if known is None else min(known, started)


def _conclude(row: Row) -> None:
    """What follows from the merged columns."""
    if row["started_at"] is not None and row["submitted_at"] is not None:
        waited = row["started_at"] - row["submitted_at"]
        row["wait_seconds"] = max(waited, 0) / _PER_SECOND  # a worker's clock may be behind
        row["wait_bucket"] = bucket_of(row["wait_seconds"])
    if row["state"] == _SUCCEEDED:
        # Its decisions have it, and nobody waits to know it any more.
        row["expected_g_per_kwh"] = None
    row["account_due"] = row["state"] in _FINAL and row["attempts"] > 0
    if row["state"] not in _FINAL:  # a replayed job is no longer accounted for
        row.update(_NOT_ACCOUNTED)

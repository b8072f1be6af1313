"""Versions of accounts: a settled one that changes keeps what it said before.

Versions tell the order in which things became known here. They are the one part of the ledger
that depends on it; the figures themselves do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, select

from shared.domain.revisions import COMPARED, RevisionCause, is_revised
from shared.ledger.shape import Row
from shared.ledger.tables import account_revisions, events
from shared.ledger.upsert import insert_new

FIGURES = (
    "signal",
    "simulated",
    "energy_kwh",
    "wasted_kwh",
    "emissions_g",
    "baseline_g",
    "avoided_g",
    "intensity_method",
)
"""What a revision keeps of the account before it, and of the one that it led to."""


Job = SimpleNamespace
"""The columns of a job's row that its account rests on, or may change."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A reading that an account rests on.

    Attributes:
        revised_at: when its source revised it; None where it never did.
    """

    source: str
    revised_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account that was worked out: the columns to set, and what they rest on."""

    values: dict[str, Any]
    basis: Sequence[Basis] = ()

    def last_revised_at(self) -> datetime | None:
        """When a reading that it rests on was last revised."""
        return max((each.revised_at for each in self.basis if each.revised_at), default=None)


def give_versions(
    connection: Connection,
    before: Sequence[Job],
    accounts: Sequence[Account],
    now: datetime | None,
) -> list[dict[str, Any]]:
    """The columns to set, with their versions; what changed is kept beside.

    Args:
        connection: in a transaction.
        before: the rows of the jobs as they are.
        accounts: their new accounts, in the same order.
        now: dates the revisions; None takes the time of the latest recorded event.
    """
    kept: list[Row] = []
    every = []
    for job, account in zip(before, accounts, strict=True):
        was = {name: getattr(job, name) for name in COMPARED}
        changed = job.account_settled and is_revised(was, account.values)
        if changed:
            kept.append(_revision(job, account))
        every.append(
            account.values
            | {
                # Before its submission is known, a job's account cannot be whole.
                "account_settled": job.submitted_at is not None,
                "account_version": job.account_version + changed,
                "account_revised_at": account.last_revised_at(),
            }
        )
    if kept:
        at = now or _latest(connection, before)
        insert_new(connection, account_revisions, [row | {"at": at} for row in kept])
    return every


def _revision(job: Job, account: Account) -> Row:
    known = job.account_revised_at
    revised = [
        each.source
        for each in account.basis
        if each.revised_at is not None and (known is None or each.revised_at > known)
    ]
    return {
        "job_id": job.id,
        "version": job.account_version + 1,
        "cause": (RevisionCause.REVISED if revised else RevisionCause.LATE).value,
        "readings": len(account.basis),
        "revised_readings": len(revised),
        "sources": ",".join(sorted(set(revised))),
        **{f"was_{name}": getattr(job, name) for name in FIGURES},
        **{f"now_{name}": account.values[name] for name in FIGURES},
    }


def _latest(connection: Connection, ended: Sequence[Job]) -> datetime:
    """When the thing happened that was recorded last."""
    told: datetime | None = connection.scalar(
        select(events.c.at).order_by(events.c.place.desc()).limit(1)
    )
    return told or max(job.finished_at for job in ended)

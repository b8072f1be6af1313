"""Revisions of accounts: which settled figures changed, when, from what and why."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, case, func, select

from shared.domain.grid import Signal
from shared.domain.revisions import RevisionCause
from shared.domain.savings import IntensityMethod
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow
from shared.ledger.tables import account_revisions as rows

LINE_TYPE = "account.revision"
"""What an exported line says that it is; no event has this type."""
_MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """What an account said; None where it was unknown."""

    signal: Signal | None
    simulated: bool | None
    energy_kwh: float | None
    wasted_kwh: float | None
    emissions_g: float | None
    baseline_g: float | None
    avoided_g: float | None
    intensity_method: IntensityMethod | None


@dataclass(frozen=True, slots=True)
class AccountRevision:
    """One change of a settled account.

    Attributes:
        version: of the account that it led to; the first revision leads to 2.
        at: when it was worked out again.
        readings: how many the account rests on.
        revised_readings: those that their source had revised since the version before.
        sources: which sources these were.
    """

    job_id: UUID
    version: int
    at: datetime
    cause: RevisionCause
    readings: int
    revised_readings: int
    sources: tuple[str, ...]
    was: AccountFigures
    now: AccountFigures


@dataclass(frozen=True, slots=True)
class RevisedAccounts:
    """What revisions changed in sum, of one kind of account; kinds are never summed together.

    Sums are over the changes from one known figure to another of the same kind, and None where
    there are none.

    Attributes:
        accounts: how many were revised, each once.
        emissions_change_g: what they say more than before.
        avoided_change_g: the same of what was avoided; negative where less was.
        newly_known_accounts: those whose avoided emissions were unknown before, in no sum.
    """

    signal: Signal | None
    simulated: bool | None
    accounts: int
    emissions_change_g: float | None
    avoided_change_g: float | None
    newly_known_accounts: int


def account_revisions(
    engine: Engine, since: datetime, until: datetime | None = None
) -> list[AccountRevision]:
    """The revisions worked out since, and before `until` if that is given; newest first."""
    query = select(rows).where(rows.c.at >= since)
    if until is not None:
        query = query.where(rows.c.at < until)
    query = query.order_by(rows.c.at.desc(), rows.c.job_id, rows.c.version.desc())
    with reading(engine) as connection:
        return [_revision(row) for row in connection.execute(query)]


def revisions_of(
    connection: Connection, ids: Collection[UUID]
) -> dict[UUID, tuple[AccountRevision, ...]]:
    """The revisions of some jobs' accounts, oldest first; few accounts are ever revised."""
    if not ids:
        return {}
    query = select(rows).where(rows.c.job_id.in_(ids)).order_by(rows.c.version)
    found: dict[UUID, tuple[AccountRevision, ...]] = {}
    for row in connection.execute(query):
        found[row.job_id] = (*found.get(row.job_id, ()), _revision(row))
    return found


def revised_accounts(engine: Engine, since: datetime, until: datetime) -> list[RevisedAccounts]:
    """The sums of the revisions worked out from `since` to before `until`, kind by kind."""
    column = rows.c
    same_kind = (column.was_signal == column.now_signal) & (
        column.was_simulated == column.now_simulated
    )
    was_unknown = column.was_avoided_g.is_(None) & column.now_avoided_g.is_not(None)
    kind = (column.now_signal, column.now_simulated)
    query = (
        select(
            *kind,
            func.count(column.job_id.distinct()).label("accounts"),
            *(
                func.sum(case((same_kind, column[f"now_{name}"] - column[f"was_{name}"]))).label(
                    name
                )
                for name in ("emissions_g", "avoided_g")
            ),
            func.count(case((was_unknown, column.job_id)).distinct()).label("newly_known"),
        )
        .where(column.at >= since, column.at < until)
        .group_by(*kind)
    )
    with reading(engine) as connection:
        found = [_sums(row) for row in connection.execute(query)]
    return sorted(found, key=_place)


def revision_lines(engine: Engine) -> Iterator[dict[str, Any]]:
    """Every revision as a flat object of plain JSON values, oldest first, to export beside events.

    An object's `type` is `account.revision`; its other names are the table's columns.
    """
    query = select(rows).order_by(rows.c.at, rows.c.job_id, rows.c.version)
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=_MOST_AT_ONCE).execute(query).mappings():
            plain = {"job_id": str(row["job_id"]), "at": row["at"].isoformat()}
            yield {"type": LINE_TYPE} | dict(row) | plain


def _revision(row: AnyRow) -> AccountRevision:
    return AccountRevision(
        job_id=row.job_id,
        version=row.version,
        at=row.at,
        cause=RevisionCause(row.cause),
        readings=row.readings,
        revised_readings=row.revised_readings,
        sources=tuple(filter(None, row.sources.split(","))),
        was=_figures(row, "was"),
        now=_figures(row, "now"),
    )


def _figures(row: AnyRow, when: str) -> AccountFigures:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    signal, method = told[f"{when}_signal"], told[f"{when}_intensity_method"]
    return AccountFigures(
        signal=None if signal is None else Signal(signal),
        simulated=told[f"{when}_simulated"],
        energy_kwh=told[f"{when}_energy_kwh"],
        wasted_kwh=told[f"{when}_wasted_kwh"],
        emissions_g=told[f"{when}_emissions_g"],
        baseline_g=told[f"{when}_baseline_g"],
        avoided_g=told[f"{when}_avoided_g"],
        intensity_method=None if method is None else IntensityMethod(method),
    )


def _sums(row: AnyRow) -> RevisedAccounts:
    return RevisedAccounts(
        signal=None if row.now_signal is None else Signal(row.now_signal),
        simulated=row.now_simulated,
        accounts=row.accounts,
        emissions_change_g=row.emissions_g,
        avoided_change_g=row.avoided_g,
        newly_known_accounts=row.newly_known,
    )


def _place(sums: RevisedAccounts) -> tuple[bool, bool, str]:
    """Real before simulated, by signal, the unknown last."""
    return sums.signal is None, bool(sums.simulated), sums.signal or ""

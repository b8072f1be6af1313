"""Work out what finished jobs emitted and avoided, from the recorded intensities."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, text

from shared.domain.grid import Signal
from shared.domain.savings import EnergyMethod, IntensityMethod, Savings, account
from shared.ledger.rollups import Changes
from shared.ledger.shape import Row, select_stored, shape_of
from shared.ledger.tables import ACCOUNT_IS_DUE, AnyRow, attempts, jobs
from shared.ledger.upsert import among, put
from shared.ledger.writes.series import AllSeries, Series, load_series
from shared.ledger.writes.versions import FIGURES, Account, Basis, Job, give_versions
from shared.ledger.writes.work import Work, work_of

MOST_AT_ONCE = 2000
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
    "account_until",
)
_ENERGY_METHODS = list(EnergyMethod)
_METHODS = list(IntensityMethod)
_BEST = (0, 0)
_OF_THE_JOB = (
    *("id", "submitted_at", "replayed_at", "replayed_key", "finished_at"),
    *("expected_duration_seconds", "account_settled", "account_version", "account_revised_at"),
    *FIGURES,
)
Values = dict[str, Any]
Span = tuple[datetime, datetime]


def settle_accounts(
    connection: Connection, now: datetime | None = None, most: int = MOST_AT_ONCE
) -> int:
    """Work out the accounts that are due, at most so many; returns how many there were.

    A settled account that changes gets a new version, and what it said before is kept.

    Args:
        connection: in a transaction.
        now: dates those revisions; None takes the time of the latest recorded event.
        most: how many accounts.
    """
    query = select_stored(jobs).where(text(ACCOUNT_IS_DUE)).limit(most)
    names, changes = shape_of(connection.dialect, jobs).names, Changes()
    due = [dict(zip(names, row, strict=True)) for row in connection.execute(query)]
    for row in due:
        changes.before(row)
    give_accounts(connection, due, now)
    for row in due:
        changes.after(row)
    put(connection, jobs, due)
    changes.write(connection)
    return len(due)


def give_accounts(connection: Connection, due: Sequence[Row], now: datetime | None) -> None:
    """Work out the accounts of ended jobs, in their stored rows.

    Args:
        connection: in a transaction, in which all else that is told of them is written.
        due: the rows, whole; they are changed.
        now: as for `settle_accounts`.
    """
    if not due:
        return
    shape = shape_of(connection.dialect, jobs)
    told = [SimpleNamespace(**shape.spoken(row, _OF_THE_JOB)) for row in due]
    tried = _attempts(connection, [job.id for job in told])
    spans = [_span(job, tried.get(job.id, ())) for job in told]
    series = _series(connection, tried, [span for span in spans if span is not None])
    accounts = [_account(job, tried.get(job.id, []), series) for job in told]
    given = give_versions(connection, told, accounts, now)
    for row, job, span, values in zip(due, told, spans, given, strict=True):
        values["account_until"] = _beyond(span, job.finished_at)
        row.update(shape.stored(values), account_due=False)


def _attempts(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[AnyRow]]:
    query = (
        select(attempts)
        .where(among(connection, attempts.c.job_id, ids), attempts.c.finished_at.is_not(None))
        .order_by(attempts.c.job_id, attempts.c.attempt, attempts.c.piece)
    )
    found: dict[UUID, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.job_id].append(row)
    return found


def _span(job: Job, tried: Sequence[AnyRow]) -> Span | None:
    """From when to when its pieces ran, and its baseline at most; None where nothing ran.

    The baseline may end after the job where clocks differ.
    """
    if not tried:
        return None
    began = min(row.started_at for row in tried)
    ended = max(max(row.started_at, row.finished_at) for row in tried)
    ran = sum((row.finished_at - row.started_at for row in tried), timedelta())
    for at in (job.submitted_at, job.replayed_at):
        if at is not None:
            began, ended = min(began, at), max(ended, at, at + ran)
    return began, ended


def _beyond(span: Span | None, finished_at: datetime | None) -> datetime | None:
    """Until when readings matter, where that is after the job's end."""
    if span is None or (finished_at is not None and span[1] <= finished_at):
        return None
    return span[1]


def _series(
    connection: Connection, tried: dict[UUID, list[AnyRow]], spans: Sequence[Span]
) -> AllSeries:
    if not spans:
        return {}
    regions = sorted({row.region for rows in tried.values() for row in rows})
    began, ended = min(span[0] for span in spans), max(span[1] for span in spans)
    return load_series(connection, regions, began, ended)


def _account(job: Job, tried: Sequence[AnyRow], series: AllSeries) -> Account:
    """The account of one job."""
    nothing: Values = dict.fromkeys(ACCOUNT_COLUMNS)
    if not tried or any(row.energy_kwh is None for row in tried):
        return Account(nothing)  # a part of the energy is unknown, and so is the sum
    work = work_of(job, tried)
    signal, savings = _best(work, series)
    methods = [EnergyMethod(row.energy_method) for row in tried if row.energy_method is not None]
    nothing |= {
        "energy_kwh": savings.energy_kwh,
        "wasted_kwh": sum(run.energy_kwh for _, run in work.wasted),
        "energy_method": max(methods, key=_ENERGY_METHODS.index).value if methods else None,
        "reference_g": savings.reference_g,
    }
    if savings.emissions_g is None and savings.baseline_g is None:
        return Account(nothing)
    readings = list(_rests_on(work, signal, series))
    known = {
        "signal": signal.value,
        "simulated": any(its.simulated[place] for its, place in readings),
        "emissions_g": savings.emissions_g,
        "baseline_g": savings.baseline_g,
        "avoided_g": savings.avoided_g,
        "intensity_method": savings.method.value if savings.method else None,
    }
    basis = [Basis(its.sources[place], its.revised[place]) for its, place in readings]
    return Account(nothing | known, basis)


def _best(work: Work, series: AllSeries) -> tuple[Signal, Savings]:
    """The account by the signal that says most of it."""
    candidates = []
    for signal in Signal:
        candidates.append((signal, _savings(work, signal, series)))
        if _gaps(candidates[-1]) == _BEST:
            return candidates[-1]  # none can say more, and of equals the first counts
    return min(candidates, key=_gaps)


def _savings(work: Work, signal: Signal, all_series: AllSeries) -> Savings:
    """The account with one signal alone; what ran elsewhere counts with its own grid."""
    parts = [_in_region(work, region, signal, all_series) for region in work.regions]
    total = reduce(_plus, parts)
    if not work.done:  # nothing was done, so at submission nothing would have been emitted
        total = replace(total, baseline_g=0.0 if total.emissions_g is not None else None)
    if total.method is IntensityMethod.OBSERVED and not all(
        series.observed[place] for series, place in _rests_on(work, signal, all_series)
    ):
        total = replace(total, method=IntensityMethod.FORECAST)
    return total


def _in_region(work: Work, region: str, signal: Signal, all_series: AllSeries) -> Savings:
    """One region's share; pieces that ran there have their baseline there too."""
    points = all_series.get((region, signal), Series()).points
    done = work.done_in(region)
    part = account(done, work.submitted_s, points, wasted=work.wasted_in(region))
    return part if done else replace(part, baseline_g=0.0)


def _plus(total: Savings, part: Savings) -> Savings:
    """Both together; unknown where a part of it is."""
    known = total.emissions_g is not None and part.emissions_g is not None
    compared = total.baseline_g is not None and part.baseline_g is not None
    methods = [method for method in (total.method, part.method) if method is not None]
    return Savings(
        energy_kwh=total.energy_kwh + part.energy_kwh,
        emissions_g=(total.emissions_g or 0.0) + (part.emissions_g or 0.0) if known else None,
        baseline_g=(total.baseline_g or 0.0) + (part.baseline_g or 0.0) if compared else None,
        reference_g=total.reference_g + part.reference_g,
        method=max(methods, key=_METHODS.index) if known and methods else None,
    )


def _gaps(candidate: tuple[Signal, Savings]) -> tuple[int, int]:
    """Smallest for the most complete and then the best known account; marginal before average."""
    savings = candidate[1]
    missing = (savings.emissions_g is None) + (savings.baseline_g is None)
    return missing, _METHODS.index(savings.method) if savings.method else len(_METHODS)


def _rests_on(work: Work, signal: Signal, all_series: AllSeries) -> Iterator[tuple[Series, int]]:
    """The readings behind an account with one signal: their series, and their place in it."""
    for region in work.regions:
        series = all_series.get((region, signal))
        if series is not None:
            for place in series.places(work.windows(region)):
                yield series, place

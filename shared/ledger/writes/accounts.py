"""Work out what finished jobs emitted and avoided, from the recorded intensities."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, bindparam, select, text, update

from shared.domain.grid import Signal
from shared.domain.jobs import State
from shared.domain.savings import EnergyMethod, IntensityMethod, Run, Savings, account
from shared.ledger.tables import ACCOUNT_IS_DUE, AnyRow, attempts, jobs
from shared.ledger.writes.jobs import ACCOUNT_COLUMNS
from shared.ledger.writes.series import AllSeries, Series, Window, load_series

MOST_AT_ONCE = 1000
_ENERGY_METHODS = list(EnergyMethod)
_METHODS = list(IntensityMethod)
_LONG_AGO_S = float("-inf")
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a job used: the run that did the work, and the attempts that did not."""

    submitted_s: float
    region: str
    runs: tuple[Run, ...]
    wasted: tuple[tuple[str, Run], ...]

    def wasted_in(self, region: str) -> list[Run]:
        return [run for where, run in self.wasted if where == region]

    def elsewhere(self) -> list[str]:
        return sorted({where for where, _ in self.wasted} - {self.region})


def settle_accounts(connection: Connection, most: int = MOST_AT_ONCE) -> int:
    """Work out the accounts that are due, at most so many; returns how many there were."""
    query = (
        select(jobs.c.id, jobs.c.submitted_at, jobs.c.finished_at, jobs.c.state)
        .where(text(ACCOUNT_IS_DUE))
        .limit(most)
    )
    due = connection.execute(query).all()
    if due:
        tried = _attempts(connection, [job.id for job in due])
        series = _series(connection, due, tried)
        rows = [_account(job, tried.get(job.id, []), series) for job in due]
        connection.execute(_update(), rows)
    return len(due)


def _attempts(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[AnyRow]]:
    query = (
        select(attempts)
        .where(attempts.c.job_id.in_(ids), attempts.c.finished_at.is_not(None))
        .order_by(attempts.c.job_id, attempts.c.attempt)
    )
    found: dict[UUID, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.job_id].append(row)
    return found


def _series(
    connection: Connection, due: Sequence[AnyRow], tried: dict[UUID, list[AnyRow]]
) -> AllSeries:
    every = [row for rows in tried.values() for row in rows]
    if not every:
        return {}
    starts = [row.started_at for row in every]
    submitted = [job.submitted_at for job in due if job.submitted_at is not None]
    ends = [row.finished_at for row in every]
    regions = sorted({row.region for row in every})
    return load_series(connection, regions, min(starts + submitted), max(ends))


def _account(job: AnyRow, tried: Sequence[AnyRow], series: AllSeries) -> Values:
    """The account of one job, as the columns to set."""
    nothing: Values = dict.fromkeys(ACCOUNT_COLUMNS) | {"job": job.id}
    if not tried or any(row.energy_kwh is None for row in tried):
        return nothing  # a part of the energy is unknown, and so is the sum
    work = _work(job, tried)
    signal, savings = min(
        ((signal, _savings(work, signal, series)) for signal in Signal), key=_gaps
    )
    methods = [EnergyMethod(row.energy_method) for row in tried if row.energy_method is not None]
    nothing |= {
        "energy_kwh": savings.energy_kwh,
        "wasted_kwh": sum(run.energy_kwh for _, run in work.wasted),
        "energy_method": max(methods, key=_ENERGY_METHODS.index).value if methods else None,
        "reference_g": savings.reference_g,
    }
    if savings.emissions_g is None and savings.baseline_g is None:
        return nothing
    return nothing | {
        "signal": signal.value,
        "simulated": _any_simulated(work, signal, series),
        "emissions_g": savings.emissions_g,
        "baseline_g": savings.baseline_g,
        "avoided_g": savings.avoided_g,
        "intensity_method": savings.method.value if savings.method else None,
    }


def _work(job: AnyRow, tried: Sequence[AnyRow]) -> _Work:
    """The success that counts is the first one; every other attempt's energy is wasted."""
    done = [row for row in tried if row.outcome == State.SUCCEEDED.value]
    useful = min(done, key=lambda row: (row.finished_at, row.attempt)) if done else None
    wasted = [(row.region, _run(row)) for row in tried if row is not useful]
    return _Work(
        submitted_s=job.submitted_at.timestamp() if job.submitted_at else _LONG_AGO_S,
        region=useful.region if useful else tried[-1].region,
        runs=(_run(useful),) if useful else (),
        wasted=tuple(wasted),
    )


def _run(row: AnyRow) -> Run:
    return Run(row.started_at.timestamp(), row.finished_at.timestamp(), row.energy_kwh)


def _savings(work: _Work, signal: Signal, all_series: AllSeries) -> Savings:
    """The account with one signal alone; failed attempts elsewhere count with their own grid."""
    series = all_series.get((work.region, signal), Series())
    total = account(work.runs, work.submitted_s, series.points, wasted=work.wasted_in(work.region))
    for region in work.elsewhere():
        there = all_series.get((region, signal), Series())
        away = account((), work.submitted_s, there.points, wasted=work.wasted_in(region))
        total = _plus(total, away)
    if not work.runs:  # nothing was done, so at submission nothing would have been emitted
        total = replace(total, baseline_g=0.0 if total.emissions_g is not None else None)
    if total.method is IntensityMethod.OBSERVED and not _all_observed(work, signal, all_series):
        total = replace(total, method=IntensityMethod.FORECAST)
    return total


def _plus(total: Savings, away: Savings) -> Savings:
    known = total.emissions_g is not None and away.emissions_g is not None
    methods = [method for method in (total.method, away.method) if method is not None]
    return replace(
        total,
        energy_kwh=total.energy_kwh + away.energy_kwh,
        emissions_g=(total.emissions_g or 0.0) + (away.emissions_g or 0.0) if known else None,
        reference_g=total.reference_g + away.reference_g,
        method=max(methods, key=_METHODS.index) if known and methods else None,
    )


def _gaps(candidate: tuple[Signal, Savings]) -> tuple[int, int]:
    """Smallest for the most complete and then the best known account; marginal before average."""
    savings = candidate[1]
    missing = (savings.emissions_g is None) + (savings.baseline_g is None)
    return missing, _METHODS.index(savings.method) if savings.method else len(_METHODS)


def _windows(work: _Work, region: str) -> list[Window]:
    """The times whose intensities an account rests on, in one region."""
    runs = [*(work.runs if region == work.region else ()), *work.wasted_in(region)]
    windows = [(run.started_s, run.finished_s) for run in runs]
    if region == work.region and work.runs:
        seconds = sum(run.finished_s - run.started_s for run in work.runs)
        windows.append((work.submitted_s, work.submitted_s + seconds))
    return windows


def _any_simulated(work: _Work, signal: Signal, all_series: AllSeries) -> bool:
    return any(
        all_series.get((region, signal), Series()).any_simulated(_windows(work, region))
        for region in (work.region, *work.elsewhere())
    )


def _all_observed(work: _Work, signal: Signal, all_series: AllSeries) -> bool:
    return all(
        all_series.get((region, signal), Series()).all_observed(_windows(work, region))
        for region in (work.region, *work.elsewhere())
    )


def _update() -> Update:
    values: Values = {name: bindparam(name) for name in ACCOUNT_COLUMNS}
    return update(jobs).where(jobs.c.id == bindparam("job")).values(account_due=False, **values)

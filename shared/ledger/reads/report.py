"""Sums for a report: what finished jobs emitted and avoided, kind by kind and group by group.

A kind is a signal, real or simulated; kinds are never summed together. A row's grams, energy and
shares rest on the same jobs: those whose whole account is known. The others are counted as
unknown, and what is known of them stands in columns of its own.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Select,
    Subquery,
    case,
    func,
    literal,
    select,
    type_coerce,
)

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES, State
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.ledger.instants import to_microseconds
from shared.ledger.reads.query import reading
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport, ReportRow
from shared.ledger.tables import AnyRow, jobs

DAY_MICROSECONDS = 86_400_000_000
UNNAMED = "(unknown)"
"""The group of jobs of which it was never told what they are."""
_FINAL = sorted(state.value for state in FINAL_STATES)
_SUMMED = ("emissions_g", "baseline_g", "reference_g")
_ADDED = ("energy_kwh", "wasted_kwh", "avoided_g", *_SUMMED)
_NEEDED = (
    *("signal", "simulated", "state", "finished_at", "deadline", "replayed_deadline"),
    *("promised_g", "wait_seconds", "energy_method", "intensity_method", *_ADDED),
)
"""What the figures rest on: whole rows, with their results, would be sorted far more slowly."""
_KINDS = [(signal, simulated) for simulated in (False, True) for signal in Signal]


def report(engine: Engine, since: datetime, until: datetime, by: GroupBy) -> list[KindReport]:
    """Figures of the jobs that ended from `since` to before `until`; real kinds come first.

    Jobs that ended without ever running used no energy and are not in it.
    """
    with reading(engine) as connection:
        found = connection.execute(_figures(_ended(since, until, _group(by)))).all()
        totals = connection.execute(_figures(_ended(since, until, literal("total")))).all()
    rows: dict[Kind, list[ReportRow]] = {}
    for row in found:
        rows.setdefault(_kind(row), []).append(_row(row, _name(row.group_key, by)))
    total_of = {_kind(row): _row(row, "total") for row in totals}
    kinds = sorted(total_of, key=_place)
    return [
        KindReport(*kind, tuple(sorted(rows[kind], key=lambda row: row.group)), total_of[kind])
        for kind in kinds
    ]


def never_ran(engine: Engine, since: datetime, until: datetime) -> int:
    """How many jobs ended in that time without ever running: expired or cancelled."""
    query = select(func.count()).where(*_over(since, until), jobs.c.attempts == 0)
    with reading(engine) as connection:
        return connection.scalar(query) or 0


def curves(
    engine: Engine, since: datetime, until: datetime, points: int
) -> dict[Kind, list[CurvePoint]]:
    """Running sums of each kind over that time, at about so many instants and from 0."""
    step = max(timedelta(seconds=1), (until - since) / points)
    elapsed = type_coerce(jobs.c.finished_at, BigInteger) - to_microseconds(since)
    place = (elapsed // (step // timedelta(microseconds=1))).label("place")
    inner = (
        select(
            place,
            *(jobs.c[name] for name in ("signal", "simulated", *_SUMMED)),
        )
        .where(*_over(since, until), jobs.c.attempts > 0, jobs.c.avoided_g.is_not(None))
        .subquery()
    )
    keys = (inner.c.signal, inner.c.simulated, inner.c.place)
    query = select(*keys, *(func.sum(inner.c[name]).label(name) for name in _SUMMED))
    found: dict[Kind, list[CurvePoint]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query.group_by(*keys).order_by(inner.c.place)):
            line = found.setdefault(_kind(row), [CurvePoint(since, 0.0, 0.0, 0.0)])
            line.append(_next(line[-1], row, min(until, since + (row.place + 1) * step)))
    return found


def _over(since: datetime, until: datetime) -> Sequence[ColumnElement[bool]]:
    columns = jobs.c
    return (
        columns.state.in_(_FINAL),
        columns.finished_at >= since,
        columns.finished_at < until,
    )


def _group(by: GroupBy) -> ColumnElement[Any]:
    if by is GroupBy.DAY:
        return type_coerce(jobs.c.finished_at, BigInteger) // DAY_MICROSECONDS
    return jobs.c[by.value]


def _ended(since: datetime, until: datetime, group: ColumnElement[Any]) -> Subquery:
    """The jobs with their group, and the place of each one's wait among those of its group."""
    columns = jobs.c
    kind = (columns.signal, columns.simulated, group)
    waits = func.count(columns.wait_seconds).over(partition_by=kind)
    # Databases disagree on where NULLs sort: they are sent to the end.
    order = (columns.wait_seconds.is_(None), columns.wait_seconds)
    place = func.row_number().over(partition_by=kind, order_by=order)
    return (
        select(
            *(columns[name] for name in _NEEDED),
            group.label("group_key"),
            place.label("place"),
            waits.label("waits"),
        )
        .where(*_over(since, until), columns.attempts > 0)
        .subquery()
    )


def _figures(ended: Subquery) -> Select[Any]:
    row = ended.c
    known = row.avoided_g.is_not(None)
    promised = known & row.promised_g.is_not(None)
    late = row.finished_at > func.coalesce(row.replayed_deadline, row.deadline)
    keys = (row.signal, row.simulated, row.group_key)
    return select(
        *keys,
        func.count().label("jobs"),
        _count(row.state == State.SUCCEEDED.value).label("succeeded_jobs"),
        _count(known).label("known_jobs"),
        *(_sum(known, row[name]).label(name) for name in _ADDED),
        _count(promised).label("promised_jobs"),
        _sum(promised, row.promised_g).label("promised_g"),
        _sum(promised, row.avoided_g).label("realised_g"),
        func.avg(row.wait_seconds).label("mean_wait_seconds"),
        # Nearest rank: the first place that is at least 95 % of the count, in whole numbers.
        func.min(case((row.place * 20 >= row.waits * 19, row.wait_seconds))).label(
            "p95_wait_seconds"
        ),
        _count(late).label("missed_deadlines"),
        *(
            _count(row.energy_method == method.value).label(f"energy_{method.value}_jobs")
            for method in EnergyMethod
        ),
        *(
            _count(row.intensity_method == method.value).label(f"intensity_{method.value}_jobs")
            for method in IntensityMethod
        ),
        _sum(~known, row.emissions_g).label("emissions_without_baseline_g"),
        _sum(~known, row.energy_kwh).label("unknown_jobs_energy_kwh"),
    ).group_by(*keys)


def _count(condition: ColumnElement[Any]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _sum(condition: ColumnElement[bool], column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.sum(case((condition, column)))


def _kind(row: AnyRow) -> Kind:
    return (None if row.signal is None else Signal(row.signal)), row.simulated


def _place(kind: Kind) -> tuple[bool, int]:
    """Real before simulated, marginal before average, the unknown last."""
    return kind[0] is None, _KINDS.index((kind[0], bool(kind[1]))) if kind[0] is not None else 0


def _name(key: str | int | None, by: GroupBy) -> str:
    if key is None:
        return UNNAMED
    if by is not GroupBy.DAY:
        return str(key)
    return datetime.fromtimestamp(int(key) * 86_400, UTC).date().isoformat()


def _row(row: AnyRow, group: str) -> ReportRow:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    same = {field.name: told[field.name] for field in fields(ReportRow) if field.name in told}
    return ReportRow(
        group=group,
        unknown_jobs=row.jobs - row.known_jobs,
        avoided_percent=100 * row.avoided_g / row.baseline_g if row.baseline_g else None,
        sci_operational_g_per_job=row.emissions_g / row.known_jobs if row.known_jobs else None,
        **same,
    )


def _next(last: CurvePoint, row: AnyRow, at: datetime) -> CurvePoint:
    return CurvePoint(
        at,
        last.emissions_g + row.emissions_g,
        last.baseline_g + row.baseline_g,
        last.reference_g + row.reference_g,
    )

"""The roll-ups counted afresh from the jobs, in SQL: to fill and check them, and for part days.

It says in SQL what `contributions` says of one row; a test holds the two against each other.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    case,
    cast,
    false,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from shared.domain.jobs import FINAL_STATES
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.ledger.contributions import (
    AMOUNTS,
    DAY_SECONDS,
    LARGEST,
    NOT_ENDED,
    PER_GRAM,
    PER_KWH,
    PER_SECOND,
    WAIT_COLUMNS,
)
from shared.ledger.tables import daily, jobs

FINAL = sorted(state.value for state in FINAL_STATES)
DAY_MICROSECONDS = DAY_SECONDS * 10**6
WAIT_KEYS = WAIT_COLUMNS.index("jobs")
_GRAMS = ("emissions_g", "baseline_g", "reference_g", "avoided_g")
AnyColumn = ColumnElement[Any]
Condition = ColumnElement[bool]


class _Whole(FunctionElement[int]):
    """A figure in whole parts, halves away from 0 and within the largest."""

    type = BigInteger()
    inherit_cache = True
    name = "whole"


@compiles(_Whole, "sqlite")
def _whole_sqlite(element: _Whole, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own
    inner = compiler.process(element.clauses, **more)
    return f"CAST(round(max(-{LARGEST}.0, min({LARGEST}.0, {inner}))) AS INTEGER)"


@compiles(_Whole, "postgresql")
def _whole_postgresql(element: _Whole, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own
    inner = f"nullif({compiler.process(element.clauses, **more)}, 'NaN')"
    held = f"greatest(-{LARGEST}, least({LARGEST}, {inner}))"
    return f"CAST(trunc({held} + 0.5 * sign({inner})) AS BIGINT)"


def each_job(*wanted: Condition) -> Subquery:
    """What each of some jobs adds to `daily`, a row for each."""
    names, one = daily.columns.keys(), [*_place(), jobs.c.state, *_kind()]
    nothing = [literal(0)] * (len(AMOUNTS) - 1)
    return union_all(
        _rows(names, [*one, *_amounts()], (_ran(), *wanted)),
        _rows(names, [*one, literal(1), *nothing], (~_ran(), *wanted)),
    ).subquery()


def each_wait(*wanted: Condition) -> Subquery:
    """What each of some jobs adds to `daily_waits`, if it waited: rows of `WAIT_COLUMNS`."""
    one = [*_place(), *_kind(), jobs.c.wait_bucket]
    waited = (_ran(), jobs.c.wait_seconds.is_not(None), *wanted)
    return _rows(WAIT_COLUMNS, [*one, literal(1), _wait()], waited).subquery()


def recounted() -> Select[Any]:
    """What `daily` would hold of all jobs, in the order of its columns."""
    return summed(each_job(), len(daily.primary_key))


def recounted_waits() -> Select[Any]:
    """What `daily_waits` would hold of all jobs: rows of `WAIT_COLUMNS`."""
    return summed(each_wait(), WAIT_KEYS)


def summed(rows: Subquery, keys: int) -> Select[Any]:
    """Rows added up: one for each of their keys, which are so many of the first columns."""
    group, amounts = list(rows.c)[:keys], list(rows.c)[keys:]
    # Sums of whole numbers are of a wider type in PostgreSQL.
    sums = [cast(func.sum(amount), BigInteger).label(amount.name) for amount in amounts]
    return select(*group, *sums).group_by(*group)


def _rows(
    names: Sequence[str], columns: Sequence[AnyColumn], wanted: Sequence[Condition]
) -> Select[Any]:
    named = zip(names, columns, strict=True)
    return select(*(column.label(name) for name, column in named)).where(*wanted)


def _ended() -> Condition:
    return jobs.c.state.in_(FINAL) & jobs.c.finished_at.is_not(None)


def _ran() -> Condition:
    return _ended() & (jobs.c.attempts > 0)


def _place() -> list[AnyColumn]:
    day = type_coerce(jobs.c.finished_at, BigInteger) // DAY_MICROSECONDS
    return [
        case((_ended(), day), else_=NOT_ENDED),
        func.coalesce(jobs.c.region, ""),
        func.coalesce(jobs.c.type, ""),
        func.coalesce(jobs.c.priority, ""),
    ]


def _kind() -> list[AnyColumn]:
    return [func.coalesce(jobs.c.signal, ""), func.coalesce(jobs.c.simulated, false())]


def _wait() -> AnyColumn:
    return _parts(jobs.c.wait_seconds, PER_SECOND)


def _amounts() -> list[AnyColumn]:
    """The amounts of a job that ran and ended, in the order of `AMOUNTS`."""
    row = jobs.c
    known = row.avoided_g.is_not(None)
    promised = known & row.promised_g.is_not(None)
    deferred = known & (row.deferrals > 0)
    half_known = ~known & row.emissions_g.is_not(None)
    unaccounted = ~known & row.energy_kwh.is_not(None)
    avoided = _parts(row.avoided_g, PER_GRAM)
    return [
        literal(1),
        literal(1),
        _one(known),
        _one(promised),
        _one(row.finished_at > func.coalesce(row.replayed_deadline, row.deadline)),
        _one(row.wait_seconds.is_not(None)),
        func.coalesce(_wait(), 0),
        *(_if(known, _parts(row[name], PER_KWH)) for name in ("energy_kwh", "wasted_kwh")),
        *(_if(known, _parts(row[name], PER_GRAM)) for name in _GRAMS),
        _if(promised, _parts(row.promised_g, PER_GRAM)),
        _if(promised, avoided),
        _one(deferred),
        _if(deferred, _wait()),
        _if(deferred, avoided),
        *(_one(row.energy_method == method.value) for method in EnergyMethod),
        *(_one(row.intensity_method == method.value) for method in IntensityMethod),
        _one(half_known),
        _if(half_known, _parts(row.emissions_g, PER_GRAM)),
        _one(unaccounted),
        _if(unaccounted, _parts(row.energy_kwh, PER_KWH)),
    ]


def _parts(column: ColumnElement[float | None], per_unit: int) -> AnyColumn:
    return _Whole(column * float(per_unit))


def _one(condition: Condition) -> AnyColumn:
    return case((condition, 1), else_=0)


def _if(condition: Condition, value: AnyColumn) -> AnyColumn:
    return case((condition, func.coalesce(value, 0)), else_=0)

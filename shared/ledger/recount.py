"""The roll-ups counted afresh from the jobs, in SQL: to fill and check them, and for part days.

It says in SQL what `contributions` says of one row; a test holds the two against each other.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    false,
    func,
    literal,
    select,
    type_coerce,
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
    WAIT_AMOUNTS,
)
from shared.ledger.tables import daily, daily_waits, jobs

FINAL = sorted(state.value for state in FINAL_STATES)
DAY_MICROSECONDS = DAY_SECONDS * 10**6
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
    inner = compiler.process(element.clauses, **more)
    held = f"greatest(-{LARGEST}, least({LARGEST}, {inner}))"
    return f"CAST(trunc({held} + 0.5 * sign({inner})) AS BIGINT)"


def recount(*wanted: Condition) -> Select[Any]:
    """What `daily` would hold of some jobs; all of them without a condition."""
    keys = [column.name for column in daily.primary_key]
    one = [*_place(), jobs.c.state, *_kind()]
    return _added(keys, one, AMOUNTS, _amounts(), wanted)


def recount_waits(*wanted: Condition) -> Select[Any]:
    """What `daily_waits` would hold of some jobs."""
    keys = [column.name for column in daily_waits.primary_key]
    one = [*_place(), *_kind(), jobs.c.wait_bucket]
    waited = (_ran(), jobs.c.wait_seconds.is_not(None), *wanted)
    return _added(keys, one, WAIT_AMOUNTS, [literal(1), _wait()], waited)


def _added(
    keys: Sequence[str],
    key_columns: Sequence[AnyColumn],
    names: Sequence[str],
    amounts: Sequence[AnyColumn],
    wanted: Sequence[Condition],
) -> Select[Any]:
    """One row for each key: the sums of what each job adds."""
    named = zip((*keys, *names), (*key_columns, *amounts), strict=True)
    each = select(*(column.label(name) for name, column in named)).where(*wanted).subquery()
    group = [each.c[key] for key in keys]
    # Sums of whole numbers are of a wider type in PostgreSQL.
    sums = [cast(func.sum(each.c[name]), BigInteger).label(name) for name in names]
    return select(*group, *sums).group_by(*group)


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
    """The amounts of a job, in the order of `AMOUNTS`."""
    row, ran = jobs.c, _ran()
    known = ran & row.avoided_g.is_not(None)
    promised = known & row.promised_g.is_not(None)
    deferred = known & (row.deferrals > 0)
    late = row.finished_at > func.coalesce(row.replayed_deadline, row.deadline)
    half_known = ran & row.avoided_g.is_(None) & row.emissions_g.is_not(None)
    unaccounted = ran & row.avoided_g.is_(None) & row.energy_kwh.is_not(None)
    avoided = _parts(row.avoided_g, PER_GRAM)
    return [
        literal(1),
        _one(ran),
        _one(known),
        _one(promised),
        _one(ran & late),
        _one(ran & row.wait_seconds.is_not(None)),
        _if(ran & row.wait_seconds.is_not(None), _wait()),
        *(_if(known, _parts(row[name], PER_KWH)) for name in ("energy_kwh", "wasted_kwh")),
        *(_if(known, _parts(row[name], PER_GRAM)) for name in _GRAMS),
        _if(promised, _parts(row.promised_g, PER_GRAM)),
        _if(promised, avoided),
        _one(deferred),
        _if(deferred & row.wait_seconds.is_not(None), _wait()),
        _if(deferred, avoided),
        *(_one(ran & (row.energy_method == method.value)) for method in EnergyMethod),
        *(_one(ran & (row.intensity_method == method.value)) for method in IntensityMethod),
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

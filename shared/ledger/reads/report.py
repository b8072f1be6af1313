"""Sums for a report: what finished jobs emitted and avoided, kind by kind and group by group.

A kind is a signal, real or simulated; kinds are never summed together. A row's grams, energy and
shares rest on the same jobs: those whose whole account is known. The others are counted as
unknown, and what is known of them stands in columns of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Select,
    Subquery,
    func,
    select,
    type_coerce,
)

from shared.domain.grid import Signal
from shared.domain.jobs import State
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.domain.waits import percentile_seconds
from shared.ledger.contributions import AMOUNTS, PER_GRAM, PER_KWH, PER_SECOND
from shared.ledger.instants import EPOCH, to_microseconds
from shared.ledger.packed_waits import added_up
from shared.ledger.reads.contributed import DAY, contributed, contributed_waits, whole_days
from shared.ledger.reads.query import reading, total
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport, ReportRow
from shared.ledger.recount import FINAL
from shared.ledger.tables import AnyRow, jobs
from shared.ledger.writes.retention import pruned_so_far

UNNAMED = "(unknown)"
"""The group of jobs of which it was never told what they are."""
_SUMMED = ("emissions", "baseline", "reference")
_KINDS = [(signal, simulated) for simulated in (False, True) for signal in Signal]
_COUNTS = (
    *("succeeded_jobs", "known_jobs", "promised_jobs", "missed_deadlines"),
    *(f"energy_{method.value}_jobs" for method in EnergyMethod),
    *(f"intensity_{method.value}_jobs" for method in IntensityMethod),
)
FEWEST_DAYS = 3
"""Whole days from which on a curve has a point for each; their sums are at hand."""
Amounts = Counter[str]


def report(engine: Engine, since: datetime, until: datetime, by: GroupBy) -> list[KindReport]:
    """Figures of the jobs that ended from `since` to before `until`; real kinds come first.

    Jobs that ended without ever running used no energy and are not in it.
    """
    sums: dict[Kind, dict[str, Amounts]] = defaultdict(lambda: defaultdict(Counter))
    waits: dict[Kind, dict[str, list[bytes]]] = defaultdict(dict)
    with reading(engine) as connection:
        for row in connection.execute(_sums(contributed(since, until), by)):
            _add(sums[kind_of(row.signal, row.simulated)][group_name(row.group_key, by)], row)
        found = contributed_waits(connection, since, until, by.value)
    for (signal, simulated, group), parts in found.items():
        waits[kind_of(signal, simulated)][group_name(group, by)] = parts
    return [_kind_report(kind, sums[kind], waits[kind]) for kind in sorted(sums, key=_place)]


def never_ran(engine: Engine, since: datetime, until: datetime) -> int:
    """How many jobs ended in that time without ever running: expired or cancelled."""
    rows = contributed(since, until).c
    with reading(engine) as connection:
        return int(connection.scalar(select(func.sum(rows.jobs - rows.ran_jobs))) or 0)


def curves(
    engine: Engine, since: datetime, until: datetime, points: int
) -> dict[Kind, list[CurvePoint]]:
    """Running sums of each kind over that time, from 0: a point a day, or finer within a few days.

    Args:
        engine: of the ledger.
        since: where the curves begin.
        until: where they end.
        points: about how many instants a time without whole days is divided into.
    """
    found: dict[Kind, list[CurvePoint]] = {}
    with reading(engine) as connection:
        by_day = _is_told_by_day(connection, since, until)
        step = DAY if by_day else max(timedelta(seconds=1), (until - since) / points)
        query = _by_day(since, until) if by_day else _by_step(since, until, step)
        begin = EPOCH if by_day else since
        for row in connection.execute(query):
            kind = kind_of(row.signal, row.simulated)
            line = found.setdefault(kind, [CurvePoint(since, 0.0, 0.0, 0.0)])
            line.append(_next(line[-1], row, min(until, begin + (row.place + 1) * step)))
    return found


def _is_told_by_day(connection: Connection, since: datetime, until: datetime) -> bool:
    """Whether a curve has a point a day: many days, or one whose jobs only the roll-ups know."""
    first, after = whole_days(since, until)
    limit = pruned_so_far(connection)
    pruned = limit is not None and EPOCH + first * DAY < limit.jobs_before
    return after - first >= (1 if pruned else FEWEST_DAYS)


def _by_day(since: datetime, until: datetime) -> Select[Any]:
    rows = contributed(since, until).c
    keys = (rows.signal, rows.simulated, rows.day)
    sums = [total(rows[f"{name}_micrograms"]).label(f"{name}_micrograms") for name in _SUMMED]
    query = select(rows.signal, rows.simulated, rows.day.label("place"), *sums)
    return query.where(rows.known_jobs > 0).group_by(*keys).order_by(rows.day)


def _by_step(since: datetime, until: datetime, step: timedelta) -> Select[Any]:
    elapsed = type_coerce(jobs.c.finished_at, BigInteger) - to_microseconds(since)
    place = (elapsed // (step // timedelta(microseconds=1))).label("place")
    ended = (jobs.c.finished_at >= since, jobs.c.finished_at < until)
    known = (jobs.c.state.in_(FINAL), jobs.c.attempts > 0, jobs.c.avoided_g.is_not(None))
    grams = (jobs.c[f"{name}_g"] for name in _SUMMED)
    rows = select(place, jobs.c.signal, jobs.c.simulated, *grams).where(*ended, *known).subquery().c
    keys = (rows.signal, rows.simulated, rows.place)
    sums = [func.sum(rows[f"{name}_g"] * PER_GRAM).label(f"{name}_micrograms") for name in _SUMMED]
    return select(*keys, *sums).group_by(*keys).order_by(rows.place)


def _sums(rows: Subquery, by: GroupBy) -> Select[Any]:
    keys = (rows.c.signal, rows.c.simulated, rows.c.state, rows.c[by.value])
    sums = [total(rows.c[name]).label(name) for name in AMOUNTS]
    query = select(*keys[:-1], keys[-1].label("group_key"), *sums)
    return query.where(rows.c.ran_jobs > 0).group_by(*keys)


def _add(group: Amounts, row: AnyRow) -> None:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    group.update({name: told[name] for name in AMOUNTS})
    if row.state == State.SUCCEEDED.value:
        group["succeeded_jobs"] += row.ran_jobs


def kind_of(signal: str, simulated: bool) -> Kind:  # noqa: FBT001 - a kind is the two of them
    """Which kind a row of the roll-ups is of."""
    return (Signal(signal), simulated) if signal else (None, None)


def _place(kind: Kind) -> tuple[bool, int]:
    """Real before simulated, marginal before average, the unknown last."""
    return kind[0] is None, _KINDS.index((kind[0], bool(kind[1]))) if kind[0] is not None else 0


def group_name(key: str | int, by: GroupBy) -> str:
    """What a group of a report is called."""
    if by is GroupBy.DAY:
        return (EPOCH + int(key) * DAY).date().isoformat()
    return str(key) or UNNAMED


def _kind_report(
    kind: Kind, sums: Mapping[str, Amounts], waits: Mapping[str, Sequence[bytes]]
) -> KindReport:
    rows = tuple(_row(name, sums[name], waits.get(name, ())) for name in sorted(sums))
    everything: Amounts = Counter()
    for group in sums.values():
        everything.update(group)  # not `+`, which drops what is negative
    return KindReport(*kind, rows, _row("total", everything, chain.from_iterable(waits.values())))


def _row(group: str, sums: Amounts, waits: Iterable[bytes]) -> ReportRow:
    known, promised, waited = (sums[f"{name}_jobs"] for name in ("known", "promised", "waited"))
    emissions_g, baseline_g, reference_g, avoided_g = (
        _figure(sums[f"{name}_micrograms"], PER_GRAM, known) for name in (*_SUMMED, "avoided")
    )
    avoided, baseline = sums["avoided_micrograms"], sums["baseline_micrograms"]
    return ReportRow(
        group=group,
        jobs=int(sums["ran_jobs"]),
        unknown_jobs=int(sums["ran_jobs"] - known),
        energy_kwh=_figure(sums["energy_microwatt_hours"], PER_KWH, known),
        wasted_kwh=_figure(sums["wasted_microwatt_hours"], PER_KWH, known),
        emissions_g=emissions_g,
        baseline_g=baseline_g,
        avoided_g=avoided_g,
        avoided_percent=100 * avoided / baseline if baseline else None,
        reference_g=reference_g,
        promised_g=_figure(sums["promised_micrograms"], PER_GRAM, promised),
        realised_g=_figure(sums["realised_micrograms"], PER_GRAM, promised),
        sci_operational_g_per_job=None if emissions_g is None else emissions_g / known,
        mean_wait_seconds=_figure(sums["wait_microseconds"], PER_SECOND * waited, waited),
        p95_wait_seconds=percentile_seconds(added_up(waits)),
        emissions_without_baseline_g=_figure(
            sums["half_known_emissions_micrograms"], PER_GRAM, sums["half_known_jobs"]
        ),
        unknown_jobs_energy_kwh=_figure(
            sums["unaccounted_microwatt_hours"], PER_KWH, sums["unaccounted_jobs"]
        ),
        **{name: int(sums[name]) for name in _COUNTS},
    )


def _figure(parts: float, per_unit: float, jobs_count: float) -> float | None:
    """A sum in its unit; unknown where it is over no job at all."""
    return parts / per_unit if jobs_count else None


def _next(last: CurvePoint, row: AnyRow, at: datetime) -> CurvePoint:
    return CurvePoint(
        at,
        last.emissions_g + row.emissions_micrograms / PER_GRAM,
        last.baseline_g + row.baseline_micrograms / PER_GRAM,
        last.reference_g + row.reference_micrograms / PER_GRAM,
    )

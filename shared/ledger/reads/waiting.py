"""What waiting cost and what it brought: the distribution of waits, and deferral beside saving."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from shared.domain.grid import Signal
from shared.domain.waits import bounds_seconds
from shared.ledger.contributions import PER_GRAM, PER_SECOND
from shared.ledger.packed_waits import added_up
from shared.ledger.reads.contributed import contributed, contributed_waits
from shared.ledger.reads.query import reading, total
from shared.ledger.reads.report import group_name, kind_of
from shared.ledger.reads.report_rows import GroupBy, Kind
from shared.ledger.tables import AnyRow


@dataclass(frozen=True, slots=True)
class WaitBucket:
    """How many jobs waited from `from_seconds` to below `to_seconds` for their first start."""

    from_seconds: float
    to_seconds: float
    jobs: int
    mean_seconds: float


@dataclass(frozen=True, slots=True)
class DeferralCost:
    """What deferring brought the jobs of one kind and group, and how long they waited for it.

    Attributes:
        group: a type, region, priority or UTC day.
        deferred_jobs: jobs that were deferred at least once and whose whole account is known.
        mean_wait_seconds: of these jobs, from submission to the first start.
        avoided_g: by these jobs, signed.
    """

    signal: Signal | None
    simulated: bool | None
    group: str
    deferred_jobs: int
    mean_wait_seconds: float
    avoided_g: float


def wait_distribution(
    engine: Engine, since: datetime, until: datetime
) -> dict[Kind, list[WaitBucket]]:
    """The waits of the jobs that ended in a time, kind by kind; a bucket is a tenth wide."""
    with reading(engine) as connection:
        found = contributed_waits(connection, since, until, GroupBy.DAY.value)
    parts: dict[Kind, list[bytes]] = defaultdict(list)
    for (signal, simulated, _), waits in found.items():
        parts[kind_of(signal, simulated)] += waits
    return {kind: [_bucket(*each) for each in added_up(some)] for kind, some in parts.items()}


def deferral_costs(
    engine: Engine, since: datetime, until: datetime, by: GroupBy
) -> list[DeferralCost]:
    """What deferring cost and brought the jobs that ended in a time."""
    rows = contributed(since, until).c
    keys = (rows.signal, rows.simulated, rows[by.value].label("group_key"))
    sums = [
        total(rows[f"deferred_{name}"]).label(name)
        for name in ("jobs", "wait_microseconds", "avoided_micrograms")
    ]
    query = select(*keys, *sums).where(rows.deferred_jobs > 0).group_by(*keys).order_by(*keys)
    with reading(engine) as connection:
        return [_cost(row, by) for row in connection.execute(query)]


def _bucket(bucket: int, jobs: int, seconds: float) -> WaitBucket:
    return WaitBucket(*bounds_seconds(bucket), jobs, seconds / jobs)


def _cost(row: AnyRow, by: GroupBy) -> DeferralCost:
    signal, simulated = kind_of(row.signal, row.simulated)
    return DeferralCost(
        signal,
        simulated,
        group_name(row.group_key, by),
        int(row.jobs),
        row.wait_microseconds / PER_SECOND / row.jobs,
        row.avoided_micrograms / PER_GRAM,
    )

"""How long jobs waited before they began, as a distribution, kind by kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, case, func, select

from shared.domain.grid import Signal
from shared.domain.jobs import FINAL_STATES
from shared.ledger.reads.query import reading
from shared.ledger.reads.report_rows import Kind
from shared.ledger.tables import jobs

_FINAL = sorted(state.value for state in FINAL_STATES)


@dataclass(frozen=True, slots=True)
class WaitCount:
    """How many jobs waited at least `from_seconds`, and less than `to_seconds` (None: no end)."""

    from_seconds: float
    to_seconds: float | None
    jobs: int


def wait_counts(
    engine: Engine, since: datetime, until: datetime, edges_seconds: Sequence[float]
) -> dict[Kind, list[WaitCount]]:
    """The waits from submission to the first start of the jobs that ended in a time.

    Args:
        engine: of the ledger.
        since: jobs that ended from then on.
        until: and before then.
        edges_seconds: where a bin ends and the next begins, ascending; the first bin begins at 0
            and the last has no end.
    """
    wait = jobs.c.wait_seconds
    bins = [(wait < edge, place) for place, edge in enumerate(edges_seconds)]
    place = case(*bins, else_=len(edges_seconds)).label("place")
    ended = (
        jobs.c.state.in_(_FINAL),
        jobs.c.finished_at >= since,
        jobs.c.finished_at < until,
        jobs.c.attempts > 0,
        wait.is_not(None),
    )
    query = select(jobs.c.signal, jobs.c.simulated, place, func.count().label("jobs"))
    grouped = query.where(*ended).group_by(jobs.c.signal, jobs.c.simulated, place)
    found: dict[Kind, dict[int, int]] = {}
    with reading(engine) as connection:
        for row in connection.execute(grouped):
            kind = (None if row.signal is None else Signal(row.signal)), row.simulated
            found.setdefault(kind, {})[row.place] = row.jobs
    return {kind: _counts(edges_seconds, counts) for kind, counts in found.items()}


def _counts(edges_seconds: Sequence[float], counts: dict[int, int]) -> list[WaitCount]:
    starts, ends = [0.0, *edges_seconds], [*edges_seconds, None]
    return [
        WaitCount(start, end, counts.get(place, 0))
        for place, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]

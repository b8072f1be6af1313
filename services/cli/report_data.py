"""What a report is made from, read once for every way of showing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from shared.ledger.reads import RevisedAccounts, revised_accounts
from shared.ledger.reads import report as reads
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport, ReportRow

CURVE_POINTS = 240
"""How finely the running sums are drawn; about a point for every three pixels."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known of the jobs that ended in a time.

    Attributes:
        made_at: when it was read.
        never_ran_jobs: jobs that expired or were cancelled before they ever ran.
        embodied_g_per_job: the hardware's share of a job, as whoever asked for the report says.
        by_type: the same jobs by type, for the page's bars.
        curves: running sums of each kind.
        revised: what was changed in that time in settled accounts, whenever their jobs ended.
    """

    since: datetime
    until: datetime
    made_at: datetime
    by: GroupBy
    embodied_g_per_job: float
    never_ran_jobs: int
    kinds: Sequence[KindReport]
    by_type: Sequence[KindReport]
    curves: Mapping[Kind, Sequence[CurvePoint]]
    revised: Sequence[RevisedAccounts]

    def sci_g_per_job(self, row: ReportRow) -> float | None:
        """(E x I + M) / R with R = jobs, in grams a job; None where emissions are unknown."""
        operational = row.sci_operational_g_per_job
        return None if operational is None else operational + self.embodied_g_per_job


def read_report(
    engine: Engine,
    since: datetime,
    until: datetime,
    made_at: datetime,
    by: GroupBy,
    embodied_g_per_job: float,
) -> Report:
    """Read everything about the jobs that ended from `since` to before `until`.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    kinds = reads.report(engine, since, until, by)
    return Report(
        since=since,
        until=until,
        made_at=made_at,
        by=by,
        embodied_g_per_job=embodied_g_per_job,
        never_ran_jobs=reads.never_ran(engine, since, until),
        kinds=kinds,
        by_type=kinds if by is GroupBy.TYPE else reads.report(engine, since, until, GroupBy.TYPE),
        curves=reads.curves(engine, since, until, CURVE_POINTS),
        revised=revised_accounts(engine, since, until),
    )


def kind_words(kind: KindReport) -> str:
    """`real, marginal intensity`, or that nothing is known of the grid."""
    if kind.signal is None:
        return "unknown grid"
    return f"{'simulated' if kind.simulated else 'real'}, {kind.signal.value} intensity"


def instant(at: datetime) -> str:
    """An instant to the minute, with its zone: a report is read on another day."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

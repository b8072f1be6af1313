"""What the page Savings shows."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard.data.source import Known, kept, known, ledger
from shared.domain.embodied import Server
from shared.ledger.reads import RevisedAccounts, revised_accounts
from shared.ledger.reads.pruned import Uncounted, pruned_past
from shared.ledger.reads.report import curves, never_ran, report
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport
from shared.ledger.reads.spans import first_finish
from shared.ledger.reads.waiting import DeferralCost, WaitBucket, deferral_costs, wait_distribution
from shared.report.data import Question, Report, read_report
from shared.runtime import system_clock

KEPT_SECONDS = 30
"""Finished jobs change slowly, and sums over many of them are the dearest reads: until twice this
age the last ones are shown while newer ones are read."""
CURVE_POINTS = 240


class Period(StrEnum):
    """How far back the page looks, as its address says it."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "365d"

    @property
    def span(self) -> timedelta:
        """The period's length."""
        return _SPANS[self]


_SPANS = {
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(days=7),
    Period.MONTH: timedelta(days=30),
    Period.QUARTER: timedelta(days=90),
    Period.YEAR: timedelta(days=365),
}


MOST_LOOKED_BACK_AT = 20_000
"""Of more jobs a file holds the sums alone: what was possible takes a look at each job, and whoever
pressed the button waits for it. `carbon-aware report` takes the time."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The figures of the jobs that ended from `since` to before `until`, kind by kind.

    Attributes:
        costs: what deferring cost and brought, of all kinds.
    """

    since: datetime
    until: datetime
    by: GroupBy
    kinds: Sequence[KindReport]
    costs: Sequence[DeferralCost]

    @property
    def is_quick(self) -> bool:
        """Whether their report leaves out what has to look at each job."""
        return sum(kind.total.known_jobs for kind in self.kinds) > MOST_LOOKED_BACK_AT


@dataclass(frozen=True, slots=True)
class Course:
    """How it came to them: running sums, waits, what is in no sum, and what was revised."""

    until: datetime
    curves: Mapping[Kind, Sequence[CurvePoint]]
    waits: Mapping[Kind, Sequence[WaitBucket]]
    never_ran_jobs: int
    uncounted: Sequence[Uncounted]
    revised: Sequence[RevisedAccounts]


def groups(url: str, period: Period, by: GroupBy) -> Known[Groups]:
    """The figures of a period, by type, region, day or priority."""
    return known("groups", _groups, url, period, by)


def course(url: str, period: Period) -> Known[Course]:
    """The running sums and the waits of a period."""
    return known("course", _course, url, period)


def whole_report(url: str, groups: Groups, server: Server | None) -> Report:
    """The report of the same jobs, as `carbon-aware report` makes it.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    asked = Question(
        groups.since, groups.until, system_clock(), groups.by, server, quick=groups.is_quick
    )
    return read_report(ledger(url), asked, _unwatched)


def _unwatched(_jobs: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


@kept(KEPT_SECONDS, behind=True)
def _groups(url: str, period: Period, by: GroupBy) -> Groups:
    until = system_clock()
    since = until - period.span
    engine = ledger(url)
    costs = deferral_costs(engine, since, until, by)
    return Groups(since, until, by, report(engine, since, until, by), costs)


@kept(KEPT_SECONDS, behind=True)
def _course(url: str, period: Period) -> Course:
    engine, until = ledger(url), system_clock()
    since = until - period.span
    begin = first_finish(engine, since)
    return Course(
        until=until,
        # From the first job on: a young ledger's line is not squeezed to the edge.
        curves=curves(engine, begin, until, CURVE_POINTS) if begin else {},
        waits=wait_distribution(engine, since, until),
        never_ran_jobs=never_ran(engine, since, until),
        uncounted=pruned_past(engine, since, until).uncounted,
        revised=revised_accounts(engine, since, until),
    )

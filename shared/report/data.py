"""What a report is made from, read once for every way of showing it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from shared.domain.embodied import Server
from shared.ledger.reads import RevisedAccounts, revised_accounts
from shared.ledger.reads import report as reads
from shared.ledger.reads.known_jobs import known_jobs
from shared.ledger.reads.optimum import NONE_LEFT, TOTAL, Group, Hindsight, bounds, hindsight
from shared.ledger.reads.pruned import PrunedPast, pruned_past
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport, ReportRow
from shared.report.words import counted, instant

CURVE_POINTS = 240
"""How finely the running sums are drawn; about a point for every three pixels."""
LEFT_OUT = "left out of a quick report"
PRUNED = "they were pruned"
Shown = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a number of jobs has come."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for.

    Attributes:
        since: jobs that ended from then on.
        until: and before then.
        made_at: when it is asked.
        server: what the jobs ran on; None where its embodied emissions are not known.
        quick: leave out what has to look at each job by itself.
    """

    since: datetime
    until: datetime
    made_at: datetime
    by: GroupBy
    server: Server | None = None
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is known of one group of jobs, for whoever shows it.

    Attributes:
        row: the sums.
        back: what was possible; None in a quick report.
        sci_embodied_g_per_job: M / R; None where the server or the running time is not known.
        sci_g_per_job: (E x I + M) / R; None where a part of it is.
        pruned_jobs: known jobs in the sums that nobody can look at one by one any more.
    """

    row: ReportRow
    back: Hindsight | None
    sci_embodied_g_per_job: float | None = None
    sci_g_per_job: float | None = None
    pruned_jobs: int = 0

    @property
    def optimum_unknown_reason(self) -> str | None:
        """Why the optimum of some jobs is not known: `3 jobs: ...`."""
        if self.back is None:
            return LEFT_OUT if self.row.known_jobs else None
        unknown = list(self.back.unknown)
        if self.pruned_jobs:
            unknown.append((PRUNED, self.pruned_jobs))
        return "; ".join(f"{counted(n, 'job')}: {why}" for why, n in unknown) or None

    @property
    def run_seconds(self) -> float | None:
        """How long the known jobs ran; None where that is not known of all of them."""
        return None if self.back is None or self.pruned_jobs else self.back.run_seconds


FIGURES = (
    *(field.name for field in fields(ReportRow)[1:]),
    "run_seconds",
    "optimum_jobs",
    "optimum_realised_g",
    "optimum_avoided_g",
    "share_of_optimum_percent",
    "optimum_unknown_reason",
    "sci_embodied_g_per_job",
    "sci_g_per_job",
)
"""The names of a row's figures, with their units, the same wherever they are written."""


def named(figures: Figures) -> dict[str, Any]:
    """The figures by their names; unknown ones are None."""
    back = figures.back
    told = asdict(figures.row) | {
        "run_seconds": figures.run_seconds,
        "optimum_jobs": None if back is None else back.optimum_jobs,
        "optimum_realised_g": None if back is None else back.optimum_realised_g,
        "optimum_avoided_g": None if back is None else back.optimum_avoided_g,
        "share_of_optimum_percent": None if back is None else back.share_of_optimum_percent,
        "optimum_unknown_reason": figures.optimum_unknown_reason,
        "sci_embodied_g_per_job": figures.sci_embodied_g_per_job,
        "sci_g_per_job": figures.sci_g_per_job,
    }
    return {name: told[name] for name in FIGURES}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known of the jobs that ended in a time.

    Attributes:
        never_ran_jobs: jobs that expired or were cancelled before they ever ran.
        by_type: the same jobs by type, for the page's bars and the manifest.
        curves: running sums of each kind.
        backs: what was possible, by the rows' groups, by types and in total; empty if quick.
        revised: what was changed in that time in settled accounts, whenever their jobs ended.
        pruned: what is gone of that time.
    """

    asked: Question
    never_ran_jobs: int
    kinds: Sequence[KindReport]
    by_type: Sequence[KindReport]
    curves: Mapping[Kind, Sequence[CurvePoint]]
    backs: Mapping[GroupBy | None, Mapping[Group, Hindsight]]
    revised: Sequence[RevisedAccounts]
    pruned: PrunedPast

    def rows(self, kind: KindReport) -> Iterator[Figures]:
        """The figures of a kind's rows."""
        return (self._figures(kind, row, self.asked.by) for row in kind.rows)

    def types(self, kind: KindReport) -> Iterator[Figures]:
        """The figures of a kind's types, whatever the rows are."""
        same = (each for each in self.by_type if _kind(each) == _kind(kind))
        return (self._figures(kind, row, GroupBy.TYPE) for each in same for row in each.rows)

    def total(self, kind: KindReport) -> Figures:
        """The figures of a kind in all."""
        return self._figures(kind, kind.total, None)

    def _figures(self, kind: KindReport, row: ReportRow, by: GroupBy | None) -> Figures:
        group = TOTAL if by is None else row.group
        back = self.backs.get(by, {}).get((_kind(kind), group))
        if back is None and row.known_jobs and not self.asked.quick:
            back = NONE_LEFT
        found = Figures(row, back, pruned_jobs=self._pruned_jobs(row, back))
        server, seconds = self.asked.server, found.run_seconds
        if server is None or seconds is None or not row.known_jobs:
            return found
        embodied = server.embodied_g(seconds) / row.known_jobs
        operational = row.sci_operational_g_per_job
        both = None if operational is None else operational + embodied
        return replace(found, sci_embodied_g_per_job=embodied, sci_g_per_job=both)

    def _pruned_jobs(self, row: ReportRow, back: Hindsight | None) -> int:
        """How many known jobs of a row are pruned; those that end meanwhile are no difference."""
        before = self.pruned.before
        if back is None or before is None or before <= self.asked.since:
            return 0
        return max(0, row.known_jobs - back.jobs)


def read_report(engine: Engine, asked: Question, shown: Shown) -> Report:
    """Read everything about the jobs that ended in the time that is asked for.

    Args:
        engine: of the ledger.
        asked: what for.
        shown: shows the progress of what looks at each job by itself.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    since, until, by = asked.since, asked.until, asked.by
    kinds = reads.report(engine, since, until, by)
    return Report(
        asked=asked,
        never_ran_jobs=reads.never_ran(engine, since, until),
        kinds=kinds,
        by_type=kinds if by is GroupBy.TYPE else reads.report(engine, since, until, GroupBy.TYPE),
        curves=reads.curves(engine, since, until, CURVE_POINTS),
        backs={} if asked.quick else _backs(engine, asked, shown),
        revised=revised_accounts(engine, since, until),
        # Last, so that a prune that began meanwhile is known.
        pruned=pruned_past(engine, since, until),
    )


def _backs(
    engine: Engine, asked: Question, shown: Shown
) -> dict[GroupBy | None, dict[Group, Hindsight]]:
    known = known_jobs(engine, asked.since, asked.until)
    with shown(len(known)) as progress:
        found = bounds(engine, known, progress)
    return {by: hindsight(known, found, by) for by in (asked.by, GroupBy.TYPE, None)}


def _kind(report: KindReport) -> Kind:
    return report.signal, report.simulated


def kind_words(kind: KindReport) -> str:
    """`real, marginal intensity`, or that nothing is known of the grid."""
    if kind.signal is None:
        return "unknown grid"
    return f"{'simulated' if kind.simulated else 'real'}, {kind.signal.value} intensity"


def span(asked: Question) -> str:
    """What time a report is about, as it was understood."""
    return f"Jobs that ended from {instant(asked.since)} to {instant(asked.until)}"

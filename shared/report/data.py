"""What a report is made from, read once for every way of showing it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from shared.domain.embodied import Server
from shared.ledger.reads import RevisedAccounts, revised_accounts
from shared.ledger.reads import report as reads
from shared.ledger.reads.known_jobs import known_jobs
from shared.ledger.reads.optimum import TOTAL, Group, Hindsight, bounds, hindsight
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, Kind, KindReport, ReportRow
from shared.report.words import counted

CURVE_POINTS = 240
"""How finely the running sums are drawn; about a point for every three pixels."""
LEFT_OUT = "left out of a quick report"
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
    """

    row: ReportRow
    back: Hindsight | None
    sci_embodied_g_per_job: float | None
    sci_g_per_job: float | None

    @property
    def optimum_unknown_reason(self) -> str | None:
        """Why the optimum of some jobs is not known: `3 jobs: ...`."""
        if self.back is None:
            return LEFT_OUT if self.row.known_jobs else None
        return "; ".join(f"{counted(n, 'job')}: {why}" for why, n in self.back.unknown) or None


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
        "run_seconds": None if back is None else back.run_seconds,
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
    """

    asked: Question
    never_ran_jobs: int
    kinds: Sequence[KindReport]
    by_type: Sequence[KindReport]
    curves: Mapping[Kind, Sequence[CurvePoint]]
    backs: Mapping[GroupBy | None, Mapping[Group, Hindsight]]
    revised: Sequence[RevisedAccounts]

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
        embodied = None
        if self.asked.server is not None and back is not None and row.known_jobs:
            embodied = self.asked.server.embodied_g(back.run_seconds) / row.known_jobs
        operational = row.sci_operational_g_per_job
        both = None if embodied is None or operational is None else operational + embodied
        return Figures(row, back, embodied, both)


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


def instant(at: datetime) -> str:
    """An instant to the minute, with its zone: a report is read on another day."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(asked: Question) -> str:
    """What time a report is about, as it was understood."""
    return f"Jobs that ended from {instant(asked.since)} to {instant(asked.until)}"

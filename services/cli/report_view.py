"""A report on a terminal: for each kind tables of carbon, audit and service."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from services.cli.output import error_console
from services.cli.palette import signed_style, simulated_badge
from services.cli.words import counted
from shared.ledger.reads.report_rows import KindReport
from shared.report.columns import AVOIDED, Column, remarks, tables_of
from shared.report.data import Figures, Report, kind_words, span
from shared.report.pruned import uncounted_line
from shared.report.revisions import revised_accounts_line

_PIPE_WIDTH = 200
"""Wide enough for every table: a pipe must not cut columns."""


@contextmanager
def progress(jobs: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error over so many jobs; silent where nobody watches."""
    console = error_console()
    columns = (
        TextColumn("looking back at each job"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as shown:
        task = shown.add_task("", total=jobs)
        yield lambda count: shown.advance(task, count)


def print_report(out: Console, report: Report) -> None:
    """Print every kind apart, and what no kind counts."""
    if not out.is_terminal:
        out.width = _PIPE_WIDTH
    out.print(Text(span(report.asked), "bold"), soft_wrap=True)
    if report.never_ran_jobs:
        ended = counted(report.never_ran_jobs, "job")
        out.print(f"{ended} ended without ever running; not counted below", soft_wrap=True)
    print_uncounted(out, report)
    if not report.kinds:
        out.print("no job that ran has ended in this time", soft_wrap=True)
    for sums in report.revised:
        out.print(revised_accounts_line(sums), soft_wrap=True)
    for kind in report.kinds:
        out.print()
        heading = Text(kind_words(kind).capitalize(), "bold").append("  ")
        out.print(heading.append_text(simulated_badge(kind.simulated)), soft_wrap=True)
        for columns in tables_of(kind):
            out.print(_table(report, columns, kind))
        for remark in remarks(report.total(kind)):
            out.print(remark, soft_wrap=True)


def print_uncounted(out: Console, report: Report) -> None:
    """Print which jobs are missing from every sum."""
    for missing in report.pruned.uncounted:
        out.print(uncounted_line(missing), soft_wrap=True)


def _table(report: Report, columns: Sequence[Column], kind: KindReport) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column(report.asked.by.value, overflow="fold", min_width=9)
    for title, _ in columns:
        shown.add_column(Text(title, overflow="fold"), justify="right")
    for figures in report.rows(kind):
        shown.add_row(figures.row.group, *_cells(columns, figures))
    if len(kind.rows) > 1:
        shown.add_row("total", *_cells(columns, report.total(kind)), style="bold")
    shown.add_row()
    return shown


def _cells(columns: Sequence[Column], figures: Figures) -> list[Text]:
    style = signed_style(figures.row.avoided_g)
    return [
        Text(words(figures), style if title == AVOIDED else "", no_wrap=True)
        for title, words in columns
    ]

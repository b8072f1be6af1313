"""A report on a terminal: for each kind tables of carbon, audit and service."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.palette import signed_style, simulated_badge
from services.cli.report_columns import (
    AVOIDED,
    Column,
    audit_columns,
    carbon_columns,
    left_out,
    service_columns,
)
from services.cli.report_data import Report, instant, kind_words
from services.cli.revision_view import revised_accounts_line
from services.cli.words import counted
from shared.ledger.reads.report_rows import KindReport, ReportRow

_PIPE_WIDTH = 200
"""Wide enough for every table: a pipe must not cut columns."""


def print_report(out: Console, report: Report) -> None:
    """Print every kind apart, and what no kind counts."""
    if not out.is_terminal:
        out.width = _PIPE_WIDTH
    span = f"Jobs that ended from {instant(report.since)} to {instant(report.until)}"
    out.print(Text(span, "bold"), soft_wrap=True)
    if report.never_ran_jobs:
        ended = counted(report.never_ran_jobs, "job")
        out.print(f"{ended} ended without ever running; not counted below", soft_wrap=True)
    if not report.kinds:
        out.print("no job that ran has ended in this time", soft_wrap=True)
    for sums in report.revised:
        out.print(revised_accounts_line(sums), soft_wrap=True)
    for kind in report.kinds:
        out.print()
        heading = Text(kind_words(kind).capitalize(), "bold").append("  ")
        out.print(heading.append_text(simulated_badge(kind.simulated)), soft_wrap=True)
        for columns in (carbon_columns(), audit_columns(report), service_columns()):
            out.print(_table(report.by.value, columns, kind))
        if (rest := left_out(kind.total)) is not None:
            out.print(rest, soft_wrap=True)


def _table(group: str, columns: Sequence[Column], kind: KindReport) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column(group, overflow="fold", min_width=9)
    for title, _ in columns:
        shown.add_column(Text(title, overflow="fold"), justify="right")
    for row in kind.rows:
        shown.add_row(row.group, *_cells(columns, row))
    if len(kind.rows) > 1:
        shown.add_row("total", *_cells(columns, kind.total), style="bold")
    shown.add_row()
    return shown


def _cells(columns: Sequence[Column], row: ReportRow) -> list[Text]:
    style = signed_style(row.avoided_g)
    return [
        Text(words(row), style if title == AVOIDED else "", no_wrap=True)
        for title, words in columns
    ]

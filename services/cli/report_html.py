"""A report as one page that needs nothing else: no script, no font, no request."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from services.cli.report_charts import bars_by_type, cumulative_chart
from services.cli.report_columns import (
    NOTHING,
    Column,
    audit_columns,
    carbon_columns,
    energy_methods,
    expected,
    left_out,
    service_columns,
    wait,
)
from services.cli.report_data import Report, instant, kind_words
from services.cli.report_methods import METHODS
from services.cli.report_style import STYLE
from services.cli.revision_view import revised_accounts_line
from services.cli.words import counted, energy, grams, percent_of
from shared.errors import CarbonAwareError
from shared.ledger.reads.report_rows import KindReport, ReportRow

_SIMULATED = ' <span class="mark">SIMULATED</span>'


class CannotWrite(CarbonAwareError):
    """The page cannot be written where it should be."""


def write_page(path: Path, report: Report) -> None:
    """Write the page.

    Raises:
        CannotWrite: the file cannot be written.
    """
    try:
        path.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise CannotWrite(f"--html: {path} cannot be written ({error.strerror})") from error


def page(report: Report) -> str:
    """The whole page as HTML."""
    title = f"Carbon report, {instant(report.since)[:10]} to {instant(report.until)[:10]}"
    sections = "".join(_section(report, kind) for kind in report.kinds)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{_about(report)}</header>"
        f"<main>{sections}{METHODS}</main></body></html>\n"
    )


def _about(report: Report) -> str:
    span = f"Jobs that ended from {instant(report.since)} to {instant(report.until)}"
    lines = [f"{span}; made {instant(report.made_at)}."]
    if len(report.kinds) > 1:
        lines.append(
            "Real and simulated, and marginal and average figures measure different things: "
            "each has its own section, and they are never added up."
        )
    if report.never_ran_jobs:
        ended = counted(report.never_ran_jobs, "job")
        lines.append(f"{ended} ended without ever running, and used no energy.")
    lines += [f"{revised_accounts_line(sums)}." for sums in report.revised]
    if not report.kinds:
        lines.append("No job that ran has ended in this time.")
    return "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)


def _section(report: Report, kind: KindReport) -> str:
    mark = _SIMULATED if kind.simulated else ""
    heading = f"<h2>{escape(kind_words(kind).capitalize())}{mark}</h2>"
    tables = f"<h3>By {report.by.value}</h3>{_tables(report, kind)}"
    if not kind.total.known_jobs:
        said = "No job here has a whole account: its energy or its grid was not recorded."
        return f"<section>{heading}<p>{said}</p></section>{tables}"
    charts = _charts(report, kind)
    return f"<section>{heading}{_tiles(report, kind.total)}</section>{charts}{tables}"


def _tiles(report: Report, total: ReportRow) -> str:
    share = percent_of(total.avoided_g, total.baseline_g)
    sign = "bad" if (total.avoided_g or 0.0) < 0 else "good"
    late = counted(total.missed_deadlines, "missed deadline")
    promised = expected(total, total.promised_g)
    tiles = (
        (grams(total.avoided_g, signed=True), f"avoided ({share or NOTHING} of baseline)", sign),
        (grams(total.emissions_g), f"emitted; {grams(total.baseline_g)} at submission", ""),
        (energy(total.energy_kwh), f"used by {counted(total.known_jobs, 'known job')}", ""),
        (expected(total, total.realised_g), f"realised of {promised} promised", ""),
        (grams(report.sci_g_per_job(total)), "SCI: grams of CO2 a job", ""),
        (wait(total.mean_wait_seconds), f"mean wait; {late}", ""),
        (energy_methods(total), "jobs with measured / modelled / declared energy", ""),
        (f"{total.unknown_jobs:,}", "jobs unknown, in no sum of grams", ""),
    )
    inner = "".join(
        f'<div class="tile"><b class="{style}">{escape(value)}</b>'
        f"<span>{escape(label)}</span></div>"
        for value, label, style in tiles
    )
    return f'<div class="tiles">{inner}</div>'


def _charts(report: Report, kind: KindReport) -> str:
    points = report.curves[kind.signal, kind.simulated]
    by_type = next(
        each.rows
        for each in report.by_type
        if (each.signal, each.simulated) == (kind.signal, kind.simulated)
    )
    return (
        "<section><h3>Cumulative emissions</h3><figure>"
        f"{cumulative_chart(points, report.until)}</figure></section>"
        f"<section><h3>Emissions by type</h3><figure>{bars_by_type(by_type)}</figure></section>"
    )


def _tables(report: Report, kind: KindReport) -> str:
    rest = left_out(kind.total)
    every = (carbon_columns(), audit_columns(report), service_columns())
    note = f'<p class="soft">{escape(rest[0].upper() + rest[1:])}.</p>' if rest else ""
    return "<br>".join(_table(report, columns, kind) for columns in every) + note


def _table(report: Report, columns: Sequence[Column], kind: KindReport) -> str:
    names = [report.by.value, *(name for name, _ in columns)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_line(row.group, columns, row, "") for row in kind.rows)
    if len(kind.rows) > 1:
        rows += _line("total", columns, kind.total, "total")
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="wide"><table>{body}</table></div>'


def _line(name: str, columns: Sequence[Column], row: ReportRow, style: str) -> str:
    cells = "".join(f"<td>{escape(text)}</td>" for text in (name, *(of(row) for _, of in columns)))
    return f'<tr class="{style}">{cells}</tr>'

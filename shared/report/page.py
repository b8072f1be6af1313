"""A report as one page that needs nothing else: no script, no font, no request."""

from collections.abc import Sequence
from html import escape

from shared.ledger.reads.report_rows import KindReport
from shared.report.charts import bars_by_type, cumulative_chart
from shared.report.columns import (
    NOTHING,
    Column,
    expected,
    possible,
    remarks,
    share_of_possible,
    tables_of,
    wait,
)
from shared.report.data import Figures, Report, kind_words, span
from shared.report.methods import METHODS
from shared.report.pruned import uncounted_line
from shared.report.revisions import revised_accounts_line
from shared.report.style import STYLE
from shared.report.words import counted, energy, grams, instant, percent_of, sentence

_SIMULATED = ' <span class="mark">SIMULATED</span>'


def page(report: Report) -> str:
    """The whole page as HTML."""
    asked = report.asked
    days = [instant(at)[:10] for at in (asked.since, asked.until)]
    title = f"Carbon report, {days[0]} to {days[1]}"
    heading = " to ".join(f'<span class="whole">{day}</span>' for day in days)
    sections = "".join(_section(report, kind) for kind in report.kinds)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>Carbon report, {heading}</h1>{_about(report)}</header>"
        f"<main>{sections}{METHODS}</main></body></html>\n"
    )


def _about(report: Report) -> str:
    lines = [f"{span(report.asked)}; made {instant(report.asked.made_at)}."]
    if len(report.kinds) > 1:
        lines.append(
            "Real and simulated, and marginal and average figures measure different things: "
            "each has its own section, and they are never added up."
        )
    if report.never_ran_jobs:
        ended = counted(report.never_ran_jobs, "job")
        lines.append(f"{ended} ended without ever running, and used no energy.")
    lines += [sentence(uncounted_line(missing)) for missing in report.pruned.uncounted]
    lines += [f"{revised_accounts_line(sums)}." for sums in report.revised]
    if not report.kinds:
        lines.append("No job that ran has ended in this time.")
    return "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)


def _section(report: Report, kind: KindReport) -> str:
    mark = _SIMULATED if kind.simulated else ""
    heading = f"<h2>{escape(kind_words(kind).capitalize())}{mark}</h2>"
    tables = f"<h3>By {report.asked.by.value}</h3>{_tables(report, kind)}"
    if not kind.total.known_jobs:
        said = "No job here has a whole account: its energy or its grid was not recorded."
        return f"<section>{heading}<p>{said}</p></section>{tables}"
    charts = _charts(report, kind)
    return f"<section>{heading}{_tiles(report.total(kind))}</section>{charts}{tables}"


def _tiles(figures: Figures) -> str:
    total = figures.row
    share = percent_of(total.avoided_g, total.baseline_g)
    sign = "bad" if (total.avoided_g or 0.0) < 0 else "good"
    late = counted(total.missed_deadlines, "missed deadline")
    promised = expected(total, total.promised_g)
    tiles = (
        (grams(total.avoided_g, signed=True), f"avoided ({share or NOTHING} of baseline)", sign),
        (grams(total.emissions_g), f"emitted; {grams(total.baseline_g)} at submission", ""),
        (energy(total.energy_kwh), f"used by {counted(total.known_jobs, 'known job')}", ""),
        (share_of_possible(figures), f"of the {possible(figures)} that was possible", ""),
        (expected(total, total.realised_g), f"realised of {promised} promised", ""),
        _intensity_tile(figures),
        (wait(total.mean_wait_seconds), f"mean wait; {late}", ""),
        (f"{total.unknown_jobs:,}", "jobs unknown, in no sum of grams", ""),
    )
    inner = "".join(
        f'<div class="tile"><b class="{style}">{escape(value)}</b>'
        f"<span>{escape(label)}</span></div>"
        for value, label, style in tiles
    )
    return f'<div class="tiles">{inner}</div>'


def _intensity_tile(figures: Figures) -> tuple[str, str, str]:
    """SCI where the embodied share is known, else its operational part alone."""
    if figures.sci_g_per_job is None:
        operational = grams(figures.row.sci_operational_g_per_job)
        return operational, "operational CO2 a job; embodied unknown", ""
    embodied = grams(figures.sci_embodied_g_per_job)
    return grams(figures.sci_g_per_job), f"SCI: CO2 a job, {embodied} of it embodied", ""


def _charts(report: Report, kind: KindReport) -> str:
    points = report.curves[kind.signal, kind.simulated]
    types = [figures.row for figures in report.types(kind)]
    return (
        "<section><h3>Cumulative emissions</h3><figure>"
        f"{cumulative_chart(points, report.asked.until)}</figure></section>"
        f"<section><h3>Emissions by type</h3><figure>{bars_by_type(types)}</figure></section>"
    )


def _tables(report: Report, kind: KindReport) -> str:
    notes = "".join(
        f'<p class="soft">{escape(sentence(remark))}</p>' for remark in remarks(report.total(kind))
    )
    return "<br>".join(_table(report, columns, kind) for columns in tables_of(kind)) + notes


def _table(report: Report, columns: Sequence[Column], kind: KindReport) -> str:
    names = [report.asked.by.value, *(name for name, _ in columns)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_line(columns, figures, "") for figures in report.rows(kind))
    if len(kind.rows) > 1:
        rows += _line(columns, report.total(kind), "total")
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="wide"><table>{body}</table></div>'


def _line(columns: Sequence[Column], figures: Figures, style: str) -> str:
    texts = (figures.row.group, *(words(figures) for _, words in columns))
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    return f'<tr class="{style}">{cells}</tr>'

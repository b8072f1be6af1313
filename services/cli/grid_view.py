"""What `grid` prints: one region line by line, or all of them in a table."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.text import Text
from sqlalchemy import Engine

from services.cli.grid_curves import coming_bars, past_bars
from services.cli.grid_report import GridReport
from services.cli.output import Rows, print_columns
from services.cli.palette import band_badge, grid_now, signed_style, simulated_badge
from services.cli.words import clock, duration, intensity
from shared.domain.grid import Freshness, Signal
from shared.domain.outlook import Window
from shared.ledger.reads import regions

MEANINGS = {
    Signal.MARGINAL: "what one more kWh causes",
    Signal.AVERAGE: "the mean of all that is generated",
}
WIDE = 110
BARS_WIDE, BARS_NARROW = 72, 36
_HEADINGS = ("region", "now", " band", "cleanest ahead", "freshness and source")
_COMPARE = "Each group measures another thing: compare within a group only."


def grid_rows(engine: Engine, report: GridReport, now: datetime, width: int) -> Rows:
    """One region, line by line; lines that do not apply are left out."""
    count = BARS_WIDE if width >= WIDE else BARS_NARROW
    yield "Carbon intensity", _now(report)
    yield "Region", report.region
    yield "Source", f"{report.source}, {report.signal.value}: {MEANINGS[report.signal]}"
    yield "Freshness", _freshness(report)
    for warning in report.warnings:
        yield "Warning", warning
    past, coming = past_bars(engine, report, count), coming_bars(report, now, count)
    if past is not None:
        yield f"Last {_span(past.seconds)}", past.line()
    if coming is not None:
        yield f"Next {_span(coming.seconds)}", coming.line()
    yield "Cleanest window", _window(report, now)
    others = [region for region in regions(engine) if region != report.region]
    if others:
        yield "Other regions", f"{', '.join(others)}; compare with `carbon-aware grid --regions`"


def print_regions(out: Console, reports: Sequence[GridReport], now: datetime) -> None:
    """A table with a part for each kind of data: values of two kinds are not one ranking."""
    if not reports:
        out.print("no update of a grid has arrived yet", soft_wrap=True)
        return
    table = [tuple(Text(heading, "dim") for heading in _HEADINGS)]
    table += [_cells(report, now) for report in reports]
    widths = [max(cells[n].cell_len for cells in table) for n in range(len(_HEADINGS) - 1)]
    head, *lines = [tuple(zip(cells, [*widths, None], strict=True)) for cells in table]
    print_columns(out, [head])
    groups = 0
    for title, group in groupby(zip(reports, lines, strict=True), key=lambda row: _title(row[0])):
        print_columns(out, [((Text(title, "bold"), None),)])
        print_columns(out, [line for _, line in group])
        groups += 1
    if groups > 1:
        print_columns(out, [((Text(_COMPARE, "dim"), None),)])


def _title(report: GridReport) -> str:
    signal = f"{report.signal.value}: {MEANINGS[report.signal]}"
    if report.intensity_g_per_kwh is not None:
        return f"{signal}, cleanest first"
    if report.index_percent is not None:
        return f"{signal}, index only: a region against its own past"
    return f"{signal}, unknown now"


def _cells(report: GridReport, now: datetime) -> tuple[Text, ...]:
    reason = f": {report.reason}" if report.reason else ""
    details = Text(f"{_age(report)}, {report.source}{reason}")
    if report.simulated:
        details.append(" ").append_text(simulated_badge(simulated=True))
    return (
        Text(report.region),
        Text(intensity(report.intensity_g_per_kwh, report.index_percent), "bold"),
        band_badge(report.band),
        _ahead(report.cleanest_window, now),
        details,
    )


def _now(report: GridReport) -> Text:
    now = intensity(report.intensity_g_per_kwh, report.index_percent)
    return grid_now(now, report.band, simulated=report.simulated)


def _span(seconds: float) -> str:
    """A long time in whole hours: bars tell no minutes."""
    return duration(seconds) if seconds < 3 * 3_600 else f"{seconds / 3_600:.0f} h"


def _age(report: GridReport) -> str:
    return f"{report.freshness.value}, {duration(report.age_seconds)} old"


def _freshness(report: GridReport) -> str:
    return _age(report) + (f": {report.reason}" if report.reason else "")


def _window(report: GridReport, now: datetime) -> Text:
    window = report.cleanest_window
    if window is None:
        return Text(_why_no_window(report))
    line = Text(f"{clock(window.start, now)} to {clock(window.end, now)}, ")
    line.append_text(_ahead(window, now)).append(f", {intensity(window.mean_g_per_kwh)}")
    return line.append(" ").append_text(band_badge(window.band)) if window.band else line


def _why_no_window(report: GridReport) -> str:
    if report.freshness is Freshness.UNKNOWN:
        return "unknown"
    if report.forecast is None:
        return "unknown: there is no forecast"
    return "nothing ahead is cleaner by so much that waiting would be worth it"


def _ahead(window: Window | None, now: datetime) -> Text:
    if window is None:
        return Text("-", "dim")
    away = duration((window.start - now).total_seconds())
    return Text.assemble((f"{window.percent:+.0f} %", signed_style(-window.percent)), f" in {away}")

"""The report's two charts as inline SVG: colours come from the page, so they follow its theme."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import ceil, floor, log10

from shared.ledger.reads.report_rows import CurvePoint, ReportRow
from shared.report.columns import REFERENCE
from shared.report.words import grams, percent_of

WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 76, 190, 14, 30
_LABEL_GAP = 16.0
_BAR, _ROW = 13, 46
_LONG = timedelta(days=3)
"""A longer time needs no hours on its axis."""
_ROUNDING = 1e-9
"""A value that is a whole number of steps, but for rounding, needs no further step."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the chart: its CSS class, its label at the end, and where its value is."""

    style: str
    label: str
    value: Callable[[CurvePoint], float]


LINES = (
    Line("reference", REFERENCE, lambda point: point.reference_g),
    Line("baseline", "at submission", lambda point: point.baseline_g),
    Line("actual", "actual", lambda point: point.emissions_g),
)


def cumulative_chart(points: Sequence[CurvePoint], until: datetime) -> str:
    """Running sums over time, each line labelled at its end.

    Args:
        points: from the start of the report on; not empty.
        until: the end of the report, to which the lines are held.
    """
    held = [*points, CurvePoint(until, *_sums(points[-1]))]
    ticks = nice_ticks(max(max(_sums(point)) for point in held))
    start, span = held[0].at, (until - held[0].at).total_seconds()

    def x(at: datetime) -> float:
        return LEFT + (at - start).total_seconds() / span * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / ticks[-1] * (HEIGHT - TOP - BOTTOM)

    parts = [*_value_axis(ticks, y), *_time_axis(start, until, x)]
    parts += [_path(line, held, x, y) for line in LINES]
    parts += _end_labels([(line, line.value(held[-1])) for line in LINES], y)
    return _svg(HEIGHT, "Cumulative emissions in grams of CO2", parts)


def bars_by_type(rows: Sequence[ReportRow]) -> str:
    """What each type emitted, above what it would have emitted at submission."""
    shown = [row for row in rows if row.baseline_g is not None and row.emissions_g is not None]
    most = max((max(row.baseline_g or 0, row.emissions_g or 0) for row in shown), default=0) or 1
    left, width = 190, WIDTH - 190 - 230
    parts = []
    for place, row in enumerate(shown):
        top = place * _ROW + 6
        name = row.group if len(row.group) <= 24 else row.group[:23] + "\u2026"
        parts.append(_text(left - 10, top + 18, name, "name", "end"))
        for offset, style, value in (
            (0, "actual", row.emissions_g),
            (15, "baseline", row.baseline_g),
        ):
            length = max(1.0, (value or 0.0) / most * width)
            parts.append(
                f'<rect class="{style}" x="{left}" y="{top + offset}" rx="2" '
                f'width="{length:.1f}" height="{_BAR}"/>'
            )
            parts.append(
                _text(left + length + 8, top + offset + 11, _bar_label(row, style), "tick")
            )
    return _svg(len(shown) * _ROW + 8, "Emissions by type in grams of CO2", parts)


def nice_ticks(most: float) -> list[float]:
    """Round values from 0 to at least `most`, four to six of them."""
    if most <= 0:
        return [0.0, 1.0]
    magnitude = 10.0 ** floor(log10(most / 4))
    step = next(
        m * magnitude for m in (1, 2, 2.5, 5, 10) if most / (m * magnitude) <= 5 + _ROUNDING
    )
    count = ceil(most / step - _ROUNDING)
    return [n * step for n in range(count + 1)]


def _bar_label(row: ReportRow, style: str) -> str:
    if style == "baseline":
        return f"{grams(row.baseline_g)} at submission"
    share = percent_of(row.avoided_g, row.baseline_g)
    return f"{grams(row.emissions_g)} actual" + (f" ({share} avoided)" if share else "")


def _sums(point: CurvePoint) -> tuple[float, float, float]:
    return point.emissions_g, point.baseline_g, point.reference_g


def _value_axis(ticks: Sequence[float], y: Callable[[float], float]) -> list[str]:
    parts = []
    for tick in ticks:
        at = y(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, at + 4, _round(tick), "tick", "end"))
    return parts


def _round(tick: float) -> str:
    """Grams without decimals that are all 0."""
    number, unit = grams(tick).split(" ")
    return f"{float(number):g} {unit}"


def _time_axis(start: datetime, until: datetime, x: Callable[[datetime], float]) -> list[str]:
    form = "%-d %b" if until - start > _LONG else "%-d %b %H:%M"
    places = [start + (until - start) * share / 4 for share in range(5)]
    anchors = ("start", "middle", "middle", "middle", "end")
    return [
        _text(x(at), HEIGHT - 8, at.strftime(form), "tick", anchor)
        for at, anchor in zip(places, anchors, strict=True)
    ]


def _path(
    line: Line,
    points: Sequence[CurvePoint],
    x: Callable[[datetime], float],
    y: Callable[[float], float],
) -> str:
    """Steps: a sum stays as it is until the next job ends."""
    first, *rest = points
    steps = [f"M{x(first.at):.1f} {y(line.value(first)):.1f}"]
    steps += [f"H{x(point.at):.1f}V{y(line.value(point)):.1f}" for point in rest]
    return f'<path class="line {line.style}" d="{"".join(steps)}"/>'


def _end_labels(ends: Sequence[tuple[Line, float]], y: Callable[[float], float]) -> list[str]:
    """Labels from the bottom up, pushed apart where lines end close to each other."""
    parts, limit = [], float(HEIGHT - BOTTOM)
    for line, value in sorted(ends, key=lambda end: end[1]):
        at = min(y(value) + 4, limit)
        limit = at - _LABEL_GAP
        parts.append(
            _text(WIDTH - RIGHT + 8, at, f"{line.label} {grams(value)}", f"end {line.style}")
        )
    return parts


def _text(x: float, y: float, said: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(said)}</text>"
    )


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )

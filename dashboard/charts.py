"""Charts from rows: pure functions, all of whose changing numbers are rows, not specification."""

import math
from datetime import datetime
from functools import lru_cache

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.drawing import Drawing, Spec, named, specification
from dashboard.frames import DEFERRED, EXPECTED, READY, RECORDED, Timeline
from dashboard.theme import Ink
from shared.domain.bands import KNOWN_BANDS

AXIS_WIDTH = 44
"""The same room for the labels of every chart, so that their time axes lie under each other."""
EDGE_WIDTH = 36
"""Half of the longest time label: one whose tick is nearer to the edge turns inwards, uncut."""
TIME_LABEL = (
    "timeFormat(datum.value, seconds(datum.value) ? '%H:%M:%S' : "
    "hours(datum.value) || minutes(datum.value) ? '%H:%M' : '%a %-d %b')"
)
TIME_TOOLTIP = "%a %d %b %H:%M:%S"


def grid_chart(rows: Timeline, ink: Ink) -> Drawing:
    """Carbon intensity, recorded and expected, over its bands, with the jobs planned into it."""
    most = _round_up(int(rows.planned["jobs"].max())) if len(rows.planned) else 0
    expects = bool((rows.points["kind"] == EXPECTED).any())
    shown = {
        "bands": rows.bands,
        "points": rows.points,
        "due": rows.due,
        "planned": rows.planned,
        "now": _now_row(rows.now),
    }
    return Drawing(_grid_spec(rows.title, most, ink, expects=expects), shown)


@lru_cache
def _grid_spec(title: str, most: int, ink: Ink, *, expects: bool) -> Spec:
    """What has no row has no entry in a legend; `most` is 0 where no job is planned."""
    layers = [
        *_background(),
        _line(title, ink, expects=expects),
        *_now(ink),
        _deadlines(ink),
        *([_bubbles(most, ink)] if most else []),
        *_band_labels(ink),
        _hover(title, ink),
    ]
    return specification(alt.layer(*layers), 400)


def time_x(field: str = "at:T", *, ticks: int = 8, label: str = TIME_LABEL) -> alt.X:
    """The time axis of every chart."""
    axis = alt.Axis(
        grid=False,
        labelOverlap=True,
        tickCount=ticks,
        labelFlush=EDGE_WIDTH,
        labelExpr=label,
    )
    return alt.X(field, title="Time (your time zone)", axis=axis, scale=alt.Scale(nice=False))


def _value(title: str) -> alt.Y:
    axis = alt.Axis(
        grid=False, minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH, tickCount=6, titlePadding=6
    )
    return alt.Y("value:Q", title=title, axis=axis, scale=alt.Scale(zero=False, nice=False))


def _background() -> list[alt.Chart]:
    names = [band.words for band in KNOWN_BANDS]
    fills = [theme.BANDS[band].fill for band in KNOWN_BANDS]
    base = named("bands")
    colour = alt.Color("band:N", scale=alt.Scale(domain=names, range=fills), legend=None)
    areas = base.mark_rect(opacity=theme.BAND_OPACITY).encode(
        x=alt.X("start:T"), x2="end:T", y=alt.Y("low:Q"), y2="high:Q", color=colour
    )
    return [areas]


def _band_labels(ink: Ink) -> list[alt.Chart]:
    """Each band's word at the right edge, kept readable over lines and circles."""
    base = named("bands").encode(x=alt.X("end:T"), y=alt.Y("middle:Q"), text="label:N")
    around = base.mark_text(align="right", dx=-6, fontSize=11, stroke=ink.background, strokeWidth=4)
    return [around, base.mark_text(align="right", dx=-6, fontSize=11, color=ink.line)]


def _line(title: str, ink: Ink, *, expects: bool) -> alt.Chart:
    legend = alt.Legend(orient="top", symbolType="stroke", symbolSize=400)
    dash = alt.StrokeDash(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=[RECORDED, EXPECTED], range=[[1, 0], [5, 3]]),
        legend=legend if expects else None,
    )
    line: alt.Chart = named("points").mark_line(
        interpolate="step-after",
        color=ink.line,
        strokeWidth=1.8,
        invalid="break-paths-show-domains",
    )
    drawn: alt.Chart = line.encode(x=time_x(), y=_value(title), strokeDash=dash)
    return drawn


def _now_row(now: datetime) -> pd.DataFrame:
    return pd.DataFrame({"at": [now], "label": ["now"]})


def _now(ink: Ink) -> list[alt.Chart]:
    base = named("now").encode(x=time_x())
    rule = base.mark_rule(color=ink.accent, strokeWidth=1.5)
    label = base.mark_text(
        color=ink.accent, align="left", baseline="top", dx=4, fontWeight="bold"
    ).encode(y=alt.value(4), text="label:N")
    return [rule, label]


def _round_up(jobs: int) -> int:
    """1, 2, 5, 10, 20, 50, ...: so the legend, and with it the drawing, seldom changes."""
    size = 1
    while size * 10 < jobs:
        size *= 10
    return next(step * size for step in (1, 2, 5, 10) if step * size >= jobs)


def _bubbles(most: int, ink: Ink) -> alt.Chart:
    legend = alt.Legend(
        orient="bottom",
        direction="horizontal",
        titleOrient="left",
        symbolFillColor=ink.accent,
        values=sorted({1, math.ceil(most / 2), most}),
        format="d",
    )
    scale = alt.Scale(type="sqrt", domain=[0, most], range=[0, 120 + 40 * min(most, 10)])
    size = alt.Size("jobs:Q", title="jobs planned", scale=scale, legend=legend)
    circles: alt.Chart = named("planned").mark_circle(
        color=ink.accent,
        stroke=ink.background,
        strokeWidth=1,
        opacity=0.85,
        clip=True,  # one at the edge would make this time axis shorter than those below
    )
    drawn: alt.Chart = circles.encode(
        x=time_x(),
        y=alt.Y("value:Q"),
        size=size,
        tooltip=[
            alt.Tooltip("at:T", title="Planned start", format=TIME_TOOLTIP),
            alt.Tooltip("jobs:Q", title="Jobs"),
            alt.Tooltip("value:Q", title="Expected then", format=".0f"),
        ],
    )
    return drawn


def _hover(title: str, ink: Ink) -> alt.Chart:
    """A rule and a dot at the point nearest to the pointer, with its numbers."""
    nearest = alt.selection_point(
        name="nearest",
        nearest=True,
        on="pointermove",
        clear="pointerout",
        fields=["at"],
        empty=False,
    )
    base = named("points").transform_filter("isValid(datum.value)")
    tooltip = [
        alt.Tooltip("at:T", title="From", format=TIME_TOOLTIP),
        alt.Tooltip("value:Q", title=title, format=".0f"),
        alt.Tooltip("band:N", title="Band"),
        alt.Tooltip("kind:N", title="Known as"),
    ]
    visible = alt.condition(nearest, alt.value(1), alt.value(0))
    dots = base.mark_point(filled=True, size=60, color=ink.line, clip=True).encode(
        x=time_x(), y=_value(title), opacity=visible, tooltip=tooltip
    )
    drawn: alt.Chart = dots.add_params(nearest)
    return drawn


def capacity_chart(steps: pd.DataFrame, rows: Timeline | None, ink: Ink) -> Drawing:
    """How many jobs may run at once, under the time axis of the hero chart."""
    return Drawing(_capacity_spec(ink, spans=rows is not None), {"steps": steps, **_span(rows)})


@lru_cache
def _capacity_spec(ink: Ink, *, spans: bool) -> Spec:
    scale = alt.Scale(zero=True)
    jobs = alt.Y("jobs:Q", title="Jobs at once", axis=_count_axis(), scale=scale, stack=None)
    base = named("steps").encode(x=time_x(), y=jobs)
    tooltip = [
        alt.Tooltip("at:T", title="From", format=TIME_TOOLTIP),
        alt.Tooltip("jobs:Q", title="Jobs at once"),
        alt.Tooltip("reason:N", title="Because"),
    ]
    area = base.mark_area(interpolate="step-after", color=ink.work, opacity=0.3)
    line = base.mark_line(interpolate="step-after", color=ink.work, strokeWidth=2)
    dots = base.mark_point(filled=True, size=18, color=ink.work, opacity=0.9)
    layers = [area, line, dots.encode(tooltip=tooltip)]
    return specification(alt.layer(*layers, *_same_span(ink, spans=spans)), 190)


def queue_chart(steps: pd.DataFrame, rows: Timeline | None, ink: Ink) -> Drawing:
    """How many jobs waited, and for what, under the time axis of the hero chart."""
    return Drawing(_queue_spec(ink, spans=rows is not None), {"steps": steps, **_span(rows)})


@lru_cache
def _queue_spec(ink: Ink, *, spans: bool) -> Spec:
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=[DEFERRED, READY], range=[theme.WAITING, ink.work]),
        legend=alt.Legend(orient="top"),
    )
    base = named("steps").encode(
        x=time_x(),
        y=alt.Y("jobs:Q", title="Jobs waiting", axis=_count_axis(), stack="zero"),
        color=colour,
        order="order:Q",
    )
    tooltip = [
        alt.Tooltip("at:T", title="From", format=TIME_TOOLTIP),
        alt.Tooltip("jobs:Q", title="Jobs"),
        alt.Tooltip("kind:N", title="Waiting"),
    ]
    areas = base.mark_area(interpolate="step-after", opacity=0.75)
    points = base.mark_point(filled=True, size=40, opacity=0.01).encode(tooltip=tooltip)
    return specification(alt.layer(areas, points, *_same_span(ink, spans=spans)), 230)


def _count_axis() -> alt.Axis:
    return alt.Axis(
        minExtent=AXIS_WIDTH,
        maxExtent=AXIS_WIDTH,
        tickMinStep=1,
        tickCount=4,
        format="d",
        titlePadding=6,
    )


def _span(rows: Timeline | None) -> dict[str, pd.DataFrame]:
    """What makes a chart's time axis that of the hero chart, and its rule for now."""
    if rows is None:
        return {}
    last = rows.bands["end"].max() if len(rows.bands) else rows.end
    return {"ends": pd.DataFrame({"at": [rows.start, last]}), "now": _now_row(rows.now)}


def _same_span(ink: Ink, *, spans: bool) -> list[alt.Chart]:
    """The layers of these rows, where there are any."""
    return [named("ends").mark_rule(opacity=0).encode(x=time_x()), *_now(ink)] if spans else []


def _deadlines(ink: Ink) -> alt.Chart:
    ticks: alt.Chart = named("due").mark_tick(
        color=ink.line, thickness=2, size=14, orient="vertical"
    )
    drawn: alt.Chart = ticks.encode(
        x=time_x(),
        y=alt.Y("value:Q"),
        tooltip=[
            alt.Tooltip("at:T", title="Deadline", format=TIME_TOOLTIP),
            alt.Tooltip("jobs:Q", title="Jobs due"),
        ],
    )
    return drawn

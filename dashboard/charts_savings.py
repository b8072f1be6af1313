"""The charts of the page Savings, from rows: pure functions."""

from functools import lru_cache

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import AXIS_WIDTH, TIME_LABEL, TIME_TOOLTIP, time_x
from dashboard.drawing import Drawing, Spec, named, specification
from dashboard.frames_savings import (
    AT_SUBMISSION,
    EMITTED,
    LEFT,
    PROMISED,
    REALISED,
    REFERENCE,
    RIGHT,
)
from dashboard.theme import Ink

BAR_HEIGHT, PAIR_HEIGHT = 34, 52
AROUND = 90
"""What the axis with its title and the legend take of a chart's height."""
NAME_WIDTH = 150
FLAT_LABELS = 4
"""As many words below an axis have room beside each other on a narrow screen too."""
DAY_LABEL = "timeFormat(datum.value, hours(datum.value) ? '%a %H:%M' : '%a %-d %b')"


def running_sums_chart(rows: pd.DataFrame, unit: str, ink: Ink) -> Drawing:
    """What was emitted, what the same jobs would have emitted at submission, and the reference."""
    return Drawing(_sums_spec(unit, _time_label(rows), ink), {"sums": rows})


@lru_cache
def _sums_spec(unit: str, label: str, ink: Ink) -> Spec:
    names = [AT_SUBMISSION, EMITTED, REFERENCE]
    colour = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(domain=names, range=[theme.WAITING, theme.DONE, ink.faint]),
        legend=alt.Legend(orient="top", labelLimit=320, symbolType="stroke", columns=1),
    )
    dash = alt.StrokeDash(
        "line:N",
        title=None,
        scale=alt.Scale(domain=names, range=[[1, 0], [1, 0], [4, 4]]),
    )
    base = named("sums")
    x = time_x(ticks=6, label=label)
    y = alt.Y("value:Q", title=f"Sum of CO\u2082, {unit}", axis=_value_axis())
    lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    nearest = alt.selection_point(
        name="nearest", nearest=True, on="pointermove", clear="pointerout", empty=False
    )
    dots = (
        base.mark_point(filled=True, size=50)
        .encode(
            x=x,
            y=y,
            color=colour,
            opacity=alt.condition(nearest, alt.value(1), alt.value(0)),
            tooltip=[
                alt.Tooltip("at:T", title="Until", format=TIME_TOOLTIP),
                alt.Tooltip("line:N", title="Sum"),
                alt.Tooltip("value:Q", title=f"CO\u2082, {unit}", format=",.3~f"),
            ],
        )
        .add_params(nearest)
    )
    return specification(alt.layer(lines, dots), 340)


def avoided_chart(rows: pd.DataFrame, unit: str, *, by_day: bool) -> Drawing:
    """What each group avoided; what waiting made worse points the other way, in another colour."""
    spec = _days_spec(unit) if by_day else _groups_spec(unit, len(rows))
    return Drawing(spec, {"avoided": rows})


@lru_cache
def _days_spec(unit: str) -> Spec:
    day = alt.X("group:O", title="Day (UTC)", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    value = alt.Y("value:Q", title=f"CO\u2082 avoided, {unit}", axis=_value_axis())
    bars = _avoided_bars("Day (UTC)", unit).encode(x=day, y=value)
    return specification(alt.layer(bars), 300)


@lru_cache
def _groups_spec(unit: str, groups: int) -> Spec:
    bars = _avoided_bars("Group", unit).encode(x=_grams_x(unit), y=_names())
    return specification(alt.layer(bars), _height(groups))


def _avoided_bars(what: str, unit: str) -> alt.Chart:
    colour = alt.condition("datum.value < 0", alt.value(theme.FAILED), alt.value(theme.DONE))
    tooltip = [
        alt.Tooltip("group:N", title=what),
        alt.Tooltip("value:Q", title=f"CO\u2082 avoided, {unit}", format=",.3~f"),
        alt.Tooltip("percent:N", title="Of running at submission"),
        alt.Tooltip("jobs:Q", title="Jobs"),
    ]
    bars: alt.Chart = named("avoided").mark_bar(cornerRadiusEnd=3)
    drawn: alt.Chart = bars.encode(color=colour, tooltip=tooltip)
    return drawn


def _grams_x(unit: str) -> alt.X:
    axis = alt.Axis(tickCount=6, labelOverlap=True)
    return alt.X("value:Q", title=f"CO\u2082 avoided, {unit}", axis=axis)


def promises_chart(rows: pd.DataFrame, unit: str) -> Drawing:
    """What decisions expected, beside what came of it."""
    return Drawing(_promises_spec(unit, len(rows) // 2), {"promises": rows})


@lru_cache
def _promises_spec(unit: str, groups: int) -> Spec:
    colour = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=[PROMISED, REALISED], range=[theme.WAITING, theme.DONE]),
        legend=alt.Legend(orient="top", labelLimit=260, columns=1),
    )
    bars = (
        named("promises")
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=_grams_x(unit),
            y=_names(),
            yOffset=alt.YOffset("which:N", sort=[PROMISED, REALISED]),
            color=colour,
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("which:N", title="Figure"),
                alt.Tooltip("value:Q", title=f"CO\u2082 avoided, {unit}", format=",.3~f"),
                alt.Tooltip("jobs:Q", title="Jobs with a promise"),
            ],
        )
    )
    return specification(alt.layer(bars), _height(groups, PAIR_HEIGHT))


def waits_chart(rows: pd.DataFrame, ink: Ink) -> Drawing:
    """How many jobs waited how long before they began."""
    return Drawing(_waits_spec(ink, flat=len(rows) <= FLAT_LABELS), {"waits": rows})


@lru_cache
def _waits_spec(ink: Ink, *, flat: bool) -> Spec:
    wait = alt.X(
        "wait:O",
        sort=None,
        title="Wait from submission to the first start",
        axis=alt.Axis(labelAngle=0 if flat else -30, labelOverlap=False),
    )
    jobs = alt.Y(
        "jobs:Q",
        title="Number of jobs",
        axis=alt.Axis(tickMinStep=1, format="d", minExtent=AXIS_WIDTH, grid=False),
    )
    base = named("waits").encode(x=wait, y=jobs)
    bars = base.mark_bar(color=ink.work, cornerRadiusEnd=3).encode(
        tooltip=[alt.Tooltip("wait:N", title="Wait"), alt.Tooltip("jobs:Q", title="Jobs")]
    )
    labels = base.transform_filter("datum.jobs > 0").mark_text(dy=-8, color=ink.line)
    text = alt.Text("jobs:Q", format=",d")
    return specification(alt.layer(bars, labels.encode(text=text)), 260)


def cost_chart(rows: pd.DataFrame, wait: str, grams: str, ink: Ink) -> Drawing:
    """What waiting bought: of each group's deferred jobs the mean wait, and what each avoided."""
    return Drawing(_cost_spec(wait, grams, ink), {"costs": rows})


@lru_cache
def _cost_spec(wait_unit: str, grams_unit: str, ink: Ink) -> Spec:
    wait = alt.X("wait:Q", title=f"Mean wait, {wait_unit}", scale=alt.Scale(zero=True, nice=True))
    avoided = f"CO\u2082 avoided by a job, {grams_unit}"
    saving = alt.Y(
        "grams:Q",
        title=avoided,
        axis=_value_axis(),
        scale=alt.Scale(zero=True, nice=True),
    )
    base = named("costs").encode(x=wait, y=saving)
    dots = base.mark_circle(color=ink.work, size=110, opacity=0.9).encode(
        tooltip=[
            alt.Tooltip("group:N", title="Group"),
            alt.Tooltip("wait:Q", title=f"Mean wait, {wait_unit}", format=",.2~f"),
            alt.Tooltip("grams:Q", title=avoided, format=",.3~f"),
            alt.Tooltip("jobs:Q", title="Deferred jobs"),
        ]
    )
    names = base.encode(text="names:N", color=alt.value(ink.line))
    sides = (
        names.transform_filter(alt.datum.side == RIGHT).mark_text(align="left", dx=10),
        names.transform_filter(alt.datum.side == LEFT).mark_text(align="right", dx=-10),
    )
    return specification(alt.layer(dots, *sides), 260)


def _names() -> alt.Y:
    return alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=NAME_WIDTH))


def _height(bars: int, each: int = BAR_HEIGHT) -> int:
    return AROUND + each * max(bars, 2)


def _time_label(rows: pd.DataFrame) -> str:
    """Over more than a day, hours alone would not say which day is meant."""
    span = rows["at"].max() - rows["at"].min() if len(rows) else pd.Timedelta(0)
    return TIME_LABEL if span <= pd.Timedelta(days=1) else DAY_LABEL


def _value_axis() -> alt.Axis:
    return alt.Axis(minExtent=AXIS_WIDTH, tickCount=6, titlePadding=6)

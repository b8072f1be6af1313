"""The charts of the page Savings, from rows: pure functions."""

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import AXIS_WIDTH, TIME_LABEL, TIME_TOOLTIP, Chart, time_x
from dashboard.frames_savings import AT_SUBMISSION, EMITTED, PROMISED, REALISED, REFERENCE
from dashboard.theme import Ink

BAR_HEIGHT, PAIR_HEIGHT = 34, 52
AROUND = 90
"""What the axis with its title and the legend take of a chart's height."""
NAME_WIDTH = 150
FLAT_LABELS = 4
"""As many words below an axis have room beside each other on a narrow screen too."""
DAY_LABEL = "timeFormat(datum.value, hours(datum.value) ? '%a %H:%M' : '%a %-d %b')"


def running_sums_chart(rows: pd.DataFrame, unit: str, ink: Ink) -> Chart:
    """What was emitted, what the same jobs would have emitted at submission, and the reference."""
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
    base = alt.Chart(rows)
    x = time_x(ticks=6, label=_time_label(rows))
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
    return alt.layer(lines, dots).properties(height=340)


def avoided_chart(rows: pd.DataFrame, unit: str, *, by_day: bool) -> Chart:
    """What each group avoided; what waiting made worse points the other way, in another colour."""
    title = f"CO\u2082 avoided, {unit}"
    colour = alt.condition("datum.value < 0", alt.value(theme.FAILED), alt.value(theme.DONE))
    tooltip = [
        alt.Tooltip("group:N", title="Day (UTC)" if by_day else "Group"),
        alt.Tooltip("value:Q", title=title, format=",.3~f"),
        alt.Tooltip("percent:N", title="Of running at submission"),
        alt.Tooltip("jobs:Q", title="Jobs"),
    ]
    base = alt.Chart(rows)
    if by_day:
        day = alt.X("group:O", title="Day (UTC)", axis=alt.Axis(labelAngle=0, labelOverlap=True))
        bars = base.mark_bar().encode(
            x=day, y=alt.Y("value:Q", title=title, axis=_value_axis()), color=colour
        )
        return alt.layer(bars.encode(tooltip=tooltip)).properties(height=300)
    bars = base.mark_bar(cornerRadiusEnd=3).encode(
        x=alt.X("value:Q", title=title), y=_names(), color=colour, tooltip=tooltip
    )
    return alt.layer(bars).properties(height=_height(len(rows)))


def promises_chart(rows: pd.DataFrame, unit: str) -> Chart:
    """What decisions expected, beside what came of it."""
    colour = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=[PROMISED, REALISED], range=[theme.WAITING, theme.DONE]),
        legend=alt.Legend(orient="top", labelLimit=260, columns=1),
    )
    title = f"CO\u2082 avoided, {unit}"
    bars = (
        alt.Chart(rows)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("value:Q", title=title),
            y=_names(),
            yOffset=alt.YOffset("which:N", sort=[PROMISED, REALISED]),
            color=colour,
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("which:N", title="Figure"),
                alt.Tooltip("value:Q", title=title, format=",.3~f"),
                alt.Tooltip("jobs:Q", title="Jobs with a promise"),
            ],
        )
    )
    return alt.layer(bars).properties(height=_height(len(rows) // 2, PAIR_HEIGHT))


def waits_chart(rows: pd.DataFrame, ink: Ink) -> Chart:
    """How many jobs waited how long before they began."""
    wait = alt.X(
        "wait:O",
        sort=None,
        title="Wait from submission to the first start",
        axis=alt.Axis(labelAngle=0 if len(rows) <= FLAT_LABELS else -30),
    )
    jobs = alt.Y(
        "jobs:Q",
        title="Number of jobs",
        axis=alt.Axis(tickMinStep=1, format="d", minExtent=AXIS_WIDTH, grid=False),
    )
    base = alt.Chart(rows).encode(x=wait, y=jobs)
    bars = base.mark_bar(color=theme.RUNNING, cornerRadiusEnd=3).encode(
        tooltip=[alt.Tooltip("wait:N", title="Wait"), alt.Tooltip("jobs:Q", title="Jobs")]
    )
    labels = base.transform_filter("datum.jobs > 0").mark_text(dy=-8, color=ink.line)
    return alt.layer(bars, labels.encode(text=alt.Text("jobs:Q", format=",d"))).properties(
        height=260
    )


def cost_chart(rows: pd.DataFrame, unit: str, ink: Ink) -> Chart:
    """What waiting bought: each group's mean wait, and the share that it avoided."""
    wait = alt.X("wait:Q", title=f"Mean wait, {unit}", scale=alt.Scale(zero=True, nice=True))
    share = alt.Y(
        "percent:Q",
        title="CO\u2082 avoided, %",
        axis=_value_axis(),
        scale=alt.Scale(zero=True, nice=True),
    )
    base = alt.Chart(rows).encode(x=wait, y=share)
    dots = base.mark_circle(color=theme.RUNNING, size=110, opacity=0.9).encode(
        tooltip=[
            alt.Tooltip("group:N", title="Group"),
            alt.Tooltip("wait:Q", title=f"Mean wait, {unit}", format=",.2~f"),
            alt.Tooltip("percent:Q", title="Avoided, %", format=".1f"),
            alt.Tooltip("jobs:Q", title="Jobs"),
        ]
    )
    # Names stand on the side that has room for them; of dots at the same place, below each other.
    left = alt.datum.wait < float(rows["wait"].max()) / 2
    sides = [
        base.transform_filter(left if is_left else ~left)
        .mark_text(align="left" if is_left else "right", dx=10 if is_left else -10)
        .encode(text="names:N", color=alt.value(ink.line))
        for is_left in (True, False)
    ]
    return alt.layer(dots, *sides).properties(height=260)


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

"""The charts of the page Plan, from rows: pure functions."""

from functools import lru_cache

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import AXIS_WIDTH, TIME_TOOLTIP, time_x
from dashboard.drawing import Drawing, Spec, named, specification
from dashboard.frames import GRAMS_TITLE
from dashboard.frames_plan import LOAD, ROOM
from dashboard.theme import Ink
from shared.domain.bands import KNOWN_BANDS

ROOM_FILLS = {False: "#D9DFE6", True: "#323C49"}
"""On a light and on a dark page: there, but no louder than the work."""


def intensity_chart(rows: pd.DataFrame, ink: Ink) -> Drawing:
    """What is expected of each slot, in the colour of its band; a dot where jobs are planned."""
    return Drawing(_intensity_spec(ink), {"slots": rows})


@lru_cache
def _intensity_spec(ink: Ink) -> Spec:
    names = [band.words for band in KNOWN_BANDS]
    fills = [theme.BANDS[band].fill for band in KNOWN_BANDS]
    colour = alt.Color(
        "band:N",
        title="expected band",
        scale=alt.Scale(domain=names, range=fills),
        legend=alt.Legend(orient="top", titleOrient="top", symbolType="square", columns=3),
    )
    value = alt.Y("value:Q", title=GRAMS_TITLE, axis=_axis(), scale=alt.Scale(zero=True))
    base = named("slots")
    tooltip = [
        alt.Tooltip("at:T", title="Slot", format=TIME_TOOLTIP),
        alt.Tooltip("value:Q", title=GRAMS_TITLE, format=".0f"),
        alt.Tooltip("band:N", title="Band"),
        alt.Tooltip("jobs:Q", title="Jobs planned"),
    ]
    # The stroke closes the hairlines that would show between rectangles side by side.
    stroke = alt.Stroke("band:N", scale=alt.Scale(domain=names, range=fills))
    areas = base.mark_rect(strokeWidth=1).encode(
        x=time_x(),
        x2="end:T",
        y=value,
        y2=alt.datum(0),
        color=colour,
        stroke=stroke,
        tooltip=tooltip,
    )
    line = base.mark_line(interpolate="step-after", color=ink.line, strokeWidth=1.2)
    planned = base.transform_filter("datum.jobs > 0").mark_circle(
        color=ink.accent, stroke=ink.background, strokeWidth=1, size=70, opacity=1.0
    )
    dots = planned.encode(x=time_x(), y=value, tooltip=tooltip)
    return specification(alt.layer(areas, line.encode(x=time_x(), y=value), dots), 340)


def load_chart(rows: pd.DataFrame, unit: str, ink: Ink) -> Drawing:
    """The work that is planned into each slot, and the room that is left above it."""
    return Drawing(_load_spec(unit, ink), {"loads": rows})


@lru_cache
def _load_spec(unit: str, ink: Ink) -> Spec:
    fills = [ink.work, ROOM_FILLS[ink is theme.DARK]]
    scale = alt.Scale(domain=[LOAD, ROOM], range=fills)
    legend = alt.Legend(orient="top", symbolType="square")
    title = f"Work in a slot, {unit}"
    areas = (
        named("loads")
        .mark_rect(strokeWidth=1)
        .encode(
            x=time_x(),
            x2="end:T",
            y=alt.Y("low:Q", title=title, axis=_axis()),
            y2="high:Q",
            color=alt.Color("what:N", title=None, scale=scale, legend=legend),
            stroke=alt.Stroke("what:N", scale=scale),
            tooltip=[
                alt.Tooltip("at:T", title="Slot", format=TIME_TOOLTIP),
                alt.Tooltip("what:N", title="What"),
                alt.Tooltip("value:Q", title=f"Work, {unit}", format=",.3~f"),
                alt.Tooltip("jobs:Q", title="Jobs that start then"),
            ],
        )
    )
    return specification(alt.layer(areas), 240)


def _axis() -> alt.Axis:
    return alt.Axis(minExtent=AXIS_WIDTH, tickCount=5, titlePadding=6, grid=False)

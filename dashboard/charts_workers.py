"""The chart of the page Workers, from rows; pure."""

from functools import lru_cache

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import AXIS_WIDTH, TIME_TOOLTIP, time_x
from dashboard.drawing import Drawing, Spec, named, specification
from dashboard.theme import Ink
from shared.domain.bands import Band


def sizes_chart(steps: pd.DataFrame, bands: pd.DataFrame, ink: Ink) -> Drawing:
    """How many jobs may run at once, over the band that the grid was in."""
    return Drawing(_sizes_spec(ink), {"steps": steps, "bands": bands})


@lru_cache
def _sizes_spec(ink: Ink) -> Spec:
    names = [band.words for band in Band]
    fills = [theme.BANDS[band].fill for band in Band]
    colour = alt.Color(
        "band:N",
        title="band of the grid",
        scale=alt.Scale(domain=names, range=fills),
        legend=alt.Legend(
            orient="top", titleOrient="top", symbolType="square", symbolOpacity=1.0, columns=3
        ),
    )
    background = (
        named("bands")
        .mark_rect(opacity=theme.BAND_OPACITY)
        .encode(
            x=time_x("start:T"),
            x2="end:T",
            color=colour,
            tooltip=[
                alt.Tooltip("band:N", title="Band"),
                alt.Tooltip("start:T", title="From", format=TIME_TOOLTIP),
                alt.Tooltip("end:T", title="To", format=TIME_TOOLTIP),
            ],
        )
    )
    axis = alt.Axis(
        minExtent=AXIS_WIDTH, tickMinStep=1, tickCount=5, format="d", titlePadding=6, grid=False
    )
    jobs = alt.Y("jobs:Q", title="Jobs at once", axis=axis, scale=alt.Scale(zero=True))
    base = named("steps").encode(x=time_x("at:T"), y=jobs)
    line = base.mark_line(interpolate="step-after", color=ink.line, strokeWidth=2)
    dots = base.mark_point(filled=True, size=26, color=ink.line, opacity=1.0).encode(
        tooltip=[
            alt.Tooltip("at:T", title="From", format=TIME_TOOLTIP),
            alt.Tooltip("jobs:Q", title="Jobs at once"),
            alt.Tooltip("reason:N", title="Because"),
        ]
    )
    return specification(alt.layer(background, line, dots), 300)

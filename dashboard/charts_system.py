"""The chart of the page System, from rows; pure."""

from functools import lru_cache

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import AXIS_WIDTH
from dashboard.drawing import Drawing, Spec, named, specification
from dashboard.frames_system import BUILT_IN, ISSUED
from dashboard.theme import Ink


def errors_chart(rows: pd.DataFrame, ink: Ink) -> Drawing:
    """The mean error of forecasts by how long before they were made."""
    both = bool(rows["Made before"].duplicated().any())
    return Drawing(_errors_spec(ink, both=both), {"errors": rows})


@lru_cache
def _errors_spec(ink: Ink, *, both: bool) -> Spec:
    """Args: both: whether two forecasters made some of them, so that bars stand side by side."""
    colour = alt.Color(
        "Forecast by:N",
        title=None,
        scale=alt.Scale(domain=[ISSUED, BUILT_IN], range=[ink.work, theme.WAITING]),
        legend=alt.Legend(orient="top", labelLimit=240, columns=1),
    )
    lead = alt.X(
        "Made before:O", sort=None, title="How long before it was made", axis=alt.Axis(labelAngle=0)
    )
    value = alt.Y(
        "Mean error, g/kWh:Q",
        title="Mean error, gCO\u2082/kWh",
        axis=alt.Axis(minExtent=AXIS_WIDTH, tickCount=5, titlePadding=6),
    )
    base = named("errors").encode(x=lead, y=value)
    if both:
        base = base.encode(xOffset=alt.XOffset("Forecast by:N", sort=[ISSUED, BUILT_IN]))
    bars = base.mark_bar(cornerRadiusEnd=3).encode(
        color=colour,
        tooltip=[
            alt.Tooltip("Made before:N"),
            alt.Tooltip("Forecast by:N"),
            alt.Tooltip("Mean error, g/kWh:Q", format=".1f"),
            alt.Tooltip("Mean error, %:Q", format=".1f"),
            alt.Tooltip("Compared:Q", title="Values compared"),
        ],
    )
    labels = base.mark_text(dy=-8, color=ink.line).encode(
        text=alt.Text("Mean error, g/kWh:Q", format=".0f")
    )
    return specification(alt.layer(bars, labels), 260)

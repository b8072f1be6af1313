"""A chart is a specification, made once, and the rows that it shows, which change.

Making a specification costs many times what it takes to send rows, and a chart whose specification
stays the same is kept by the page: new rows move it, without drawing another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

Spec = Mapping[str, Any]
PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 3}
"""Streamlit's own leaves a chart's last line empty."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as it is now.

    Attributes:
        spec: in Vega-Lite's words; shared by all that draw the same chart, so never changed.
        rows: what it shows, by the names that `spec` has for them.
    """

    spec: Spec
    rows: Mapping[str, pd.DataFrame]


def named(rows: str) -> alt.Chart:
    """A layer over rows of that name."""
    return alt.Chart(alt.NamedData(name=rows))


def specification(chart: alt.LayerChart | alt.FacetChart, height: int) -> Spec:
    """The specification of a chart of so many pixels; its looks are left to Streamlit's theme."""
    made: dict[str, Any] = chart.properties(height=height).to_dict()
    made.pop("config")  # Altair's own look
    made["padding"] = PADDING
    return made

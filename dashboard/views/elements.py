"""What several pages are made of: cards, charts, and tables that end at a readable height."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import words
from dashboard.drawing import Drawing
from dashboard.tables import DISTANCE_PIXELS
from dashboard.views.zone import zone

MOST_ROWS_HIGH = 12
"""Longer tables scroll inside themselves, so that what is below stays in reach."""
ROW_PIXELS = 35
BAND_PIXELS = 90
"""Of `very high`."""
_MOMENT = "ddd D MMM, HH:mm:ss"


def card(
    label: str,
    value: str,
    remark: str | None,
    about: str | None = None,
    trend: Sequence[float] | None = None,
) -> None:
    """A figure whose second line is a remark, shown as it is.

    Args:
        label: what it is, with its unit.
        value: the figure.
        remark: below it.
        about: shown on hover.
        trend: how it came to it, drawn as a line below.
    """
    st.metric(
        label,
        value,
        None if remark is None else words.escape(remark),
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        chart_data=trend,
        chart_type="area",
        help=about,
    )


def chart(drawing: Drawing, key: str, alt: str) -> None:
    """A chart as wide as there is room.

    Args:
        drawing: what is drawn.
        key: keeps it in place when its rows change.
        alt: what it shows, for who does not see it.
    """
    st.vega_lite_chart(spec={**drawing.spec, "datasets": dict(drawing.rows)}, key=key, alt=alt)


def table(
    rows: pd.DataFrame,
    key: str,
    columns: Mapping[str, ColumnConfig],
    *,
    unknown: str = "\N{EN DASH}",
) -> None:
    """A table; `unknown` stands where there is no value."""
    st.dataframe(
        rows,
        hide_index=True,
        key=key,
        column_config=dict(columns),
        placeholder=unknown,
        height="auto" if len(rows) <= MOST_ROWS_HIGH else ROW_PIXELS * (MOST_ROWS_HIGH + 1),
    )


def listing(
    title: str,
    rows: pd.DataFrame,
    key: str,
    columns: Mapping[str, ColumnConfig],
    *,
    nothing: str,
) -> None:
    """A heading with a table below it, or with `nothing` where there is no row."""
    st.subheader(title, anchor=False)
    if rows.empty:
        st.caption(nothing)
    else:
        table(rows, key, columns)


def process_columns() -> dict[str, ColumnConfig]:
    """The columns of every table of processes."""
    return {
        "State": st.column_config.TextColumn(
            help="Silent: nothing was heard for three beats; it stopped, or died"
        ),
        "Last heard": distance(),
        "Started": moment(),
    }


def band() -> ColumnConfig:
    """A column of bands: it takes its width from its first rows, and cuts what is longer."""
    return st.column_config.TextColumn(width=BAND_PIXELS)


def moment(about: str | None = None) -> ColumnConfig:
    """A column of instants in the viewer's zone."""
    return st.column_config.DatetimeColumn(format=_MOMENT, timezone=str(zone()), help=about)


def distance(about: str | None = None) -> ColumnConfig:
    """A column of instants as `in 2 hours` or `5 minutes ago`."""
    return st.column_config.DatetimeColumn(
        format="distance", timezone=str(zone()), help=about, width=DISTANCE_PIXELS
    )

"""Below the cards: charts and tables."""

from datetime import datetime

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import charts, frames, tables, words
from dashboard.data.live import Details, ahead
from dashboard.frames import Timeline
from dashboard.tables import Decision
from dashboard.views.elements import band, chart, moment, table
from dashboard.views.zone import ink, zone


def show(details: Details) -> None:
    """All panels, each with what to do where it is empty."""
    _grid(details)
    left, right = st.columns(2, gap="large")
    with left:
        _decisions(details)
    with right:
        _workers(details)
    _jobs(details)


def _grid(details: Details) -> None:
    rows = None
    if details.grid is not None:
        rows = frames.timeline(
            details.grid,
            details.readings,
            details.planned,
            details.at,
            ahead(details.grid),
            details.deadlines,
        )
    st.subheader("The grid, and what is planned into it", anchor=False)
    if rows is None:
        st.caption("The chart begins with the first update of the grid.")
    else:
        chart(
            charts.grid_chart(rows, ink()),
            key="grid",
            alt="Carbon intensity over time, recorded and forecast, with planned jobs",
        )
        _marks(rows)
    _capacity(details, rows)
    _queue(details, rows)


def _marks(rows: Timeline) -> None:
    """What is drawn besides the line, where it is."""
    told = []
    if len(rows.planned):
        told.append("Circles are jobs that wait for their slot, the larger the more of them.")
    if len(rows.due):
        told.append("Marks along the bottom are deadlines of unfinished jobs.")
    if told:
        st.caption(" ".join(told))


def _capacity(details: Details, rows: Timeline | None) -> None:
    steps = frames.capacity_steps(
        details.sizes, details.pools, details.beats, details.since, details.heard_at
    )
    if steps.empty:
        return
    st.subheader("Capacity follows the grid", anchor=False)
    chart(
        charts.capacity_chart(steps, rows, ink()),
        key="capacity",
        alt="How many jobs may run at once, over time",
    )


def _queue(details: Details, rows: Timeline | None) -> None:
    steps = frames.queue_steps(details.waiting, details.at)
    st.subheader("Jobs waiting", anchor=False)
    if steps.empty:
        st.info(
            "**No jobs yet.** Submit one on the page Submit, or with "
            "`carbon-aware submit nightly_report --deadline 6h`",
            icon=":material/add_task:",
        )
        return
    chart(
        charts.queue_chart(steps, rows, ink()),
        key="queue",
        alt="How many jobs waited for cleaner power and for a free worker, over time",
    )


def _workers(details: Details) -> None:
    st.subheader("Workers", anchor=False)
    rows = tables.workers(details.pools, details.beats)
    if rows.empty and details.heard_at < details.at:
        st.caption("No worker was alive when the services were last heard.")
        return
    if rows.empty:
        st.info(
            "**No worker is running**, so nothing starts. `carbon-aware up` starts two.",
            icon=":material/engineering:",
        )
        return
    st.dataframe(
        rows,
        hide_index=True,
        key="workers",
        column_config={
            "Band": band(),
            "Running": st.column_config.NumberColumn(help="Jobs that run now"),
            "At most": st.column_config.NumberColumn(help="Jobs that may run at once in this band"),
            "Prefetch": st.column_config.NumberColumn(help="Jobs that each place may hold ready"),
        },
    )


def _decisions(details: Details) -> None:
    st.subheader("Latest decisions", anchor=False)
    rows = tables.decisions(details.decisions, zone())
    if not rows:
        st.caption("Each decision about a job appears here, with its reason.")
        return
    st.markdown("\n\n".join(decision_line(row, details.at) for row in rows))


def decision_line(row: Decision, now: datetime) -> str:
    """A decision; what a user wrote is shown as it is."""
    at = words.moment(row.at, now, zone())
    job = f"**[{words.escape(row.job)}](job?id={row.job_id})**"
    outcome = f":{row.colour}-badge[{row.outcome}]"
    return f":gray[{at}] {outcome} {job} {words.escape(row.reason)}"


def _jobs(details: Details) -> None:
    st.subheader("Recent jobs", anchor=False)
    rows = tables.jobs(details.jobs)
    if rows.empty:
        st.caption("The latest jobs appear here, with their energy and what they avoided.")
        return
    columns: dict[str, ColumnConfig] = {name: moment() for name in tables.TIMES}
    columns["State"] = tables.state_column()
    for name in tables.FIGURES:
        columns[name] = st.column_config.TextColumn(alignment="right")
    table(rows, "jobs", columns, unknown=tables.NOT_YET)

"""The parts of the page System, each with what to do where it is empty."""

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import charts_system, frames_system, words
from dashboard.data.system import System, Versions
from dashboard.views.elements import band, chart, distance, listing, moment, process_columns, table
from dashboard.views.zone import ink
from shared.ledger.reads.forecast_error import ForecastReview


def services(system: System) -> None:
    """The processes and their beats."""
    st.subheader("Services", anchor=False)
    rows = frames_system.services(system.beats)
    if rows.empty:
        st.info(
            "**No process was heard of within a day.** `carbon-aware up` starts all of them; "
            "`carbon-aware doctor` says what is missing.",
            icon=":material/dns:",
        )
        return
    missing = frames_system.missing(system.last_known)
    if missing:
        st.warning(
            f"**Not alive: {', '.join(missing)}.** `carbon-aware doctor` says what to do; the "
            "queues keep every job meanwhile.",
            icon=":material/heart_broken:",
        )
    table(rows, "services", process_columns())


def sources(system: System) -> None:
    """Where the intensities come from."""
    rung = (
        "What the intensity of now rests on: a live reading; else the rest of the last forecast; "
        "else the built-in forecaster; else it is unknown and jobs simply run"
    )
    listing(
        "Sources of carbon intensity",
        frames_system.sources(system.grids, system.last_known),
        "sources",
        {
            "Simulated": st.column_config.CheckboxColumn(help="Replayed, not observed now"),
            "Rests on": st.column_config.TextColumn(help=rung),
            "Band": band(),
            "Reading": distance("Start of the reading that holds"),
            "Next due": distance(),
            "Forecast until": moment(),
            "Order of sources": st.column_config.TextColumn(
                help="Asked one after another, until one has a fresh answer: the setting SOURCES "
                "of the intensity publisher, or its usual order"
            ),
        },
        nothing="No update of a grid has arrived yet.",
    )


def forecasts(reviews: list[ForecastReview]) -> None:
    """Forecasts made before, against what was observed."""
    st.subheader("How far forecasts were off", anchor=False)
    told = [review for review in reviews if review.errors]
    if not told:
        st.caption(
            "Shown once readings in grams have been observed for the times that were forecast: the "
            "first after an hour."
        )
    for review in told:
        _review(review)


def _review(review: ForecastReview) -> None:
    rows = frames_system.errors(review)
    name = f"{review.region}: {words.source(review.source)}, {review.signal.value}"
    st.markdown(f"**{words.escape(name)}**" + (" :violet-badge[SIMULATED]" * review.simulated))
    left, right = st.columns([2, 3], gap="large")
    with left:
        chart(
            charts_system.errors_chart(rows, ink()),
            key=f"errors-{review.region}",
            alt="Mean error of forecasts by how long before they were made",
        )
    one = st.column_config.NumberColumn(format="%.1f")
    signed = st.column_config.NumberColumn(
        format="%+.1f", help="Mean of forecast less observed; negative where it was too low"
    )
    columns: dict[str, ColumnConfig] = {
        "Mean error, g/kWh": one,
        "Mean error, %": st.column_config.NumberColumn(
            format="%.1f", help="The mean error as a share of the mean observed intensity"
        ),
        "Too high by, g/kWh": signed,
    }
    with right:
        table(rows, f"errors-table-{review.region}", columns)
        span_seconds = (review.until - review.since).total_seconds()
        span = f"within {words.duration(span_seconds)}" if span_seconds else "at one moment"
        st.caption(
            f"{words.count(review.forecasts, 'forecast')}, made {span}, against the points that "
            "were observed afterwards."
        )


def settings(system: System, versions: Versions) -> None:
    """What the live processes were started with, and which versions run."""
    st.subheader("Settings in force", anchor=False)
    told = {
        service: rows
        for service in frames_system.NEEDED
        if not (rows := frames_system.settings(system.last_known, service)).empty
    }
    if not told:
        st.caption("Processes tell their settings, without secrets, in their beats.")
    if told and system.heard_at < system.at:
        age = words.duration((system.at - system.heard_at).total_seconds())
        st.caption(f"As the processes told them {age} ago.")
    for service, rows in told.items():
        with st.expander(frames_system.SERVICE_WORDS[service].capitalize()):
            table(rows, f"settings-{service}", {})
    st.subheader("Versions", anchor=False)
    st.markdown(
        f"Product **{words.escape(versions.product or 'not installed')}**, ledger tables "
        f"**{words.escape(versions.ledger_tables)}** on **{words.escape(versions.database)}**. "
        "Every process tells its own version above."
    )

"""Below the title of every page: where the figures come from, and what is wrong if anything is."""

from typing import Literal

import streamlit as st

from dashboard import theme, words
from shared.domain.grid import Freshness
from shared.ledger.reads import Statistics
from shared.report.words import sentence

Colour = Literal["green", "orange", "gray"]
_FRESHNESS: dict[Freshness, tuple[Colour, str, str]] = {
    Freshness.LIVE: ("green", ":material/check_circle:", "live"),
    Freshness.FORECAST: ("orange", ":material/schedule:", "from the last forecast"),
    Freshness.FORECASTER: ("orange", ":material/query_stats:", "from the built-in forecaster"),
    Freshness.UNKNOWN: ("gray", ":material/help:", "unknown"),
}


def show(stats: Statistics) -> None:
    """The band, the source and its age; simulated figures are marked here, on every page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f"<span>Grid now</span> {theme.band_chip(stats.band)}", width="content")
        if stats.simulated:
            st.badge("SIMULATED", icon=":material/science:", color="violet")
        colour, icon, rung = _FRESHNESS[stats.freshness]
        st.badge(_age(stats, rung), icon=icon, color=colour)
        if stats.source is not None:
            st.badge(words.escape(words.source(stats.source), in_badge=True), color="gray")
            st.badge(words.escape(stats.region or words.UNKNOWN, in_badge=True), color="gray")
            st.badge(f"{stats.signal} signal", color="gray")
    _remarks(stats)


def _age(stats: Statistics, rung: str) -> str:
    if stats.age_seconds is None:
        return f"grid {rung}"
    return f"{rung}, {words.duration(stats.age_seconds)} old"


def _remarks(stats: Statistics) -> None:
    warnings = [words.escape(warning) for warning in stats.warnings]
    if stats.simulated:
        st.info(
            "**Simulated grid.** The jobs and their timing are real, the carbon figures are those "
            "of a recording. " + " ".join(warnings),
            icon=":material/science:",
        )
        warnings = []
    if stats.source is None:
        st.info(
            "**Nothing is known of the grid yet.** Jobs run without waiting until the first "
            "update arrives. `carbon-aware doctor` says what is missing.",
            icon=":material/hourglass_empty:",
        )
    elif stats.reason is not None:
        st.warning(words.escape(sentence(stats.reason)), icon=":material/warning:")
    for warning in warnings:
        st.warning(warning, icon=":material/warning:")

"""The deployment: its processes, sources, queues, forecasts, settings and versions."""

import streamlit as st

from dashboard.data import live, system
from dashboard.shell import Place, frame
from dashboard.views import system_panels, system_queues


def page() -> None:
    """Lay the page out; its parts refresh themselves."""
    frame("System", _body, by_region=False)


def _body(place: Place) -> None:
    _state(place)
    _forecasts(place.url)
    _settings(place.url)


@st.fragment(run_every="5s")
def _state(place: Place) -> None:
    """Processes, sources and queues."""
    known, now = system.system(place.url), live.now(place.url, None)
    if known.value is None or now.value is None:
        return
    system_panels.services(known.value)
    system_panels.sources(known.value)
    system_queues.show(place.settings, known.value, now.value.statistics.jobs)


@st.fragment(run_every="60s")
def _forecasts(url: str) -> None:
    known = system.reviews(url)
    if known.value is not None:
        system_panels.forecasts(known.value)


@st.fragment(run_every="30s")
def _settings(url: str) -> None:
    known, versions = system.system(url), system.versions(url)
    if known.value is not None and versions.value is not None:
        system_panels.settings(known.value, versions.value)

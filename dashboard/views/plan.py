"""The timetable: what is planned into which slot, what still has room, and what is due when."""

import streamlit as st

from dashboard.data import plan
from dashboard.shell import Place, frame
from dashboard.views import plan_panels


def page() -> None:
    """Lay the page out; its parts refresh themselves."""
    frame("Plan", _body)


def _body(place: Place) -> None:
    _timetable(place)
    every = st.toggle("Show slots without jobs too", key="every", bind="query-params")
    _lists(place, every=every)


@st.fragment(run_every="5s")
def _timetable(place: Place) -> None:
    """Cards and charts."""
    known = plan.plan(place.url, place.region)
    if known.value is not None:
        plan_panels.overview(known.value)


@st.fragment(run_every="5s")
def _lists(place: Place, *, every: bool) -> None:
    """Slots, deadlines and early releases."""
    known = plan.plan(place.url, place.region)
    if known.value is not None:
        plan_panels.lists(known.value, every=every)

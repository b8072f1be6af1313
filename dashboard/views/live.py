"""The page that people leave open: the grid, the jobs and the workers as they are now."""

import streamlit as st

from dashboard.data import live
from dashboard.shell import Place, frame
from dashboard.views import cards, panels


def page() -> None:
    """Lay the page out; its parts refresh themselves."""
    frame("Carbon-aware jobs", _body)


def _body(place: Place) -> None:
    _header(place)
    _details(place)


@st.fragment(run_every="2s")
def _header(place: Place) -> None:
    """The numbers that matter."""
    known = live.now(place.url, place.region)
    if known.value is not None:
        cards.show(known.value)


@st.fragment(run_every="5s")
def _details(place: Place) -> None:
    """Charts and tables."""
    known = live.details(place.url, place.region)
    if known.value is not None:
        panels.show(known.value)

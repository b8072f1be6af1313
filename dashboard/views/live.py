"""The page that people leave open: the grid, the jobs and the workers as they are now."""

from datetime import timedelta

import streamlit as st

from dashboard.data import live
from dashboard.shell import Place, frame
from dashboard.views import cards, panels
from dashboard.views.zone import zone

MONTH = timedelta(days=30)


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
    if known.value is None:
        return
    midnight = known.value.at.astimezone(zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    cards.show(
        known.value,
        live.avoided(place.url, place.region, midnight),
        live.avoided(place.url, place.region, midnight - MONTH),
    )


@st.fragment(run_every="5s")
def _details(place: Place) -> None:
    """Charts and tables."""
    known = live.details(place.url, place.region)
    if known.value is not None:
        panels.show(known.value)

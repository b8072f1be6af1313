"""The worker pools: how large they are and why, what they run, and who fell silent."""

import streamlit as st

from dashboard.data import workers
from dashboard.shell import Place, frame
from dashboard.views import workers_panels


def page() -> None:
    """Lay the page out; its parts refresh themselves."""
    frame("Workers", _body)


def _body(place: Place) -> None:
    _all(place)


@st.fragment(run_every="4s")
def _all(place: Place) -> None:
    known = workers.workers(place.url, place.region)
    if known.value is not None:
        workers_panels.show(known.value)

"""The page Job."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Job", _body)


def _body(_place: Place) -> None:
    st.caption("One job: every decision, every run and its account.")

"""The page Submit."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Submit", _body)


def _body(_place: Place) -> None:
    st.caption("Submit a job, and see before when it would run.")

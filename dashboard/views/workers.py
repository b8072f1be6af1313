"""The page Workers."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Workers", _body)


def _body(_place: Place) -> None:
    st.caption("The worker pools, their sizes and what they run.")

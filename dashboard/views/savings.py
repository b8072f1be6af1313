"""The page Savings."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Savings", _body)


def _body(_place: Place) -> None:
    st.caption("What waiting for cleaner power avoided, and what it cost.")

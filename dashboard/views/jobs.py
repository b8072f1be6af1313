"""The page Jobs."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Jobs", _body)


def _body(_place: Place) -> None:
    st.caption("All jobs, filtered as you like.")

"""The page Plan."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("Plan", _body)


def _body(_place: Place) -> None:
    st.caption("The timetable: which slots have room, and how much is planned into them.")

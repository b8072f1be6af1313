"""The page System."""

import streamlit as st

from dashboard.shell import Place, frame


def page() -> None:
    """Lay the page out."""
    frame("System", _body)


def _body(_place: Place) -> None:
    st.caption("The services, the data source, the queues and the settings in force.")

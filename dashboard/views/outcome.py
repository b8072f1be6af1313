"""What came of a button that asks the system for something."""

from collections.abc import Callable

import streamlit as st

from dashboard import words
from shared.errors import CarbonAwareError


def ask(key: str, wish: Callable[[], str]) -> None:
    """Do what a button asks for, and remember under a key what it says, or why it failed."""
    try:
        st.session_state[_place(key)] = (True, wish())
    except CarbonAwareError as error:
        st.session_state[_place(key)] = (False, str(error))


def tell(key: str) -> None:
    """Show what came of the last wish under this key, if there was one."""
    went_well, text = st.session_state.get(_place(key), (True, None))
    if text is None:
        return
    if went_well:
        st.success(words.escape(text), icon=":material/check:")
    else:
        st.error(words.escape(text), icon=":material/error:")


def _place(key: str) -> str:
    return f"told:{key}"

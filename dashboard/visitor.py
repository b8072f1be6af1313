"""Who looks at the dashboard: signed in where OpenID Connect is configured, else anybody.

Sign-in is Streamlit's own: a section `[auth]` in `.streamlit/secrets.toml` switches it on.
"""

import streamlit as st

from dashboard import words

ANYBODY = "dashboard"
"""Whom actions are noted under where nobody signs in."""
LONGEST_NAME = 200


def may_look() -> bool:
    """Whether the page may be shown; where signing in is asked for first, offers that instead."""
    if st.user.get("is_logged_in") is not False:
        return True
    st.info(
        "**Sign in to see this dashboard.** Your organisation's sign-in page opens, and brings you "
        "back here.",
        icon=":material/lock:",
    )
    st.button("Sign in", icon=":material/login:", type="primary", on_click=st.login)
    return False


def name() -> str:
    """Whom actions are noted under: the signed-in user's address or name, else `dashboard`."""
    if st.user.get("is_logged_in") is not True:
        return ANYBODY
    known = (st.user.get(claim) for claim in ("email", "name", "sub"))
    found = next((str(value) for value in known if value), ANYBODY)
    return found[:LONGEST_NAME]


def sign_out() -> None:
    """Who is signed in, with the way out; nothing where nobody has to sign in."""
    if st.user.get("is_logged_in") is not True:
        return
    st.button(
        words.escape(name()),
        icon=":material/logout:",
        type="tertiary",
        help="Sign out",
        on_click=st.logout,
    )

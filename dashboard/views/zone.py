"""The viewer's own time zone and theme."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard import theme


def zone() -> tzinfo:
    """The browser's time zone; UTC where it does not say or this machine does not know it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def ink() -> theme.Ink:
    """The inks for the theme that the browser shows."""
    return theme.ink(st.context.theme.type)

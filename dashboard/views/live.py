"""The page that people leave open: the grid, the jobs and the workers as they are now."""

import streamlit as st

from dashboard import data, words
from dashboard.views import cards, panels
from shared.errors import CarbonAwareError
from shared.settings import LedgerAddress


def page() -> None:
    """Lay the page out; its two parts refresh themselves."""
    st.title("Carbon-aware jobs", anchor=False)
    try:
        url = LedgerAddress.load().ledger_url
    except CarbonAwareError as error:
        st.error(words.escape(str(error)), icon=":material/settings_alert:")
        return
    region = _choose_region(data.regions(url))
    header(url, region)
    details(url, region)


@st.fragment(run_every="2s")
def header(url: str, region: str | None) -> None:
    """Where the numbers come from, and the numbers that matter."""
    known = data.now(url, region)
    if known.problem is not None:
        _trouble(known.problem, known.value)
    if known.value is not None:
        cards.show(known.value)


@st.fragment(run_every="5s")
def details(url: str, region: str | None) -> None:
    """Charts and tables."""
    known = data.details(url, region)
    if known.value is not None:
        panels.show(known.value)


def _choose_region(regions: list[str]) -> str | None:
    """None, which is all of them, unless there is a choice."""
    if len(regions) < 2:
        return None
    return st.selectbox("Grid region", regions, key="region", bind="query-params")


def _trouble(problem: str, last: data.Now | None) -> None:
    if last is None:
        st.info(
            "**There is no ledger to read yet.** Start everything on this machine with "
            "`carbon-aware up --demo`; this page fills itself within seconds.",
            icon=":material/database_off:",
        )
        st.text(problem)
        return
    age = words.duration((cards.clock() - last.at).total_seconds())
    st.warning(
        f"**The ledger does not answer.** What is shown is {age} old. {words.escape(problem)}",
        icon=":material/database_off:",
    )

"""The frame of every page: its title, the choice of a region, and what is wrong if anything is."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard import words
from dashboard.data import live
from dashboard.data.source import Known
from dashboard.views import strip
from shared.errors import CarbonAwareError
from shared.runtime import system_clock
from shared.settings import LedgerAddress


@dataclass(frozen=True, slots=True)
class Place:
    """What a page is about: the ledger's address, and one region of it or all."""

    url: str
    region: str | None


def frame(title: str, body: Callable[[Place], None], *, by_region: bool = True) -> None:
    """Draw a page.

    Args:
        title: its heading.
        body: draws what is below; parts that are to stay current are fragments of their own.
        by_region: whether it can be narrowed to a region.
    """
    st.title(title, anchor=False)
    try:
        url = LedgerAddress.load().ledger_url
    except CarbonAwareError as error:
        st.error(words.escape(str(error)), icon=":material/settings_alert:")
        return
    place = Place(url, _choose_region(live.regions(url)) if by_region else None)
    _sources(place)
    body(place)


@st.fragment(run_every="2s")
def _sources(place: Place) -> None:
    known = live.now(place.url, place.region)
    if known.problem is not None:
        _trouble(known)
    if known.value is not None:
        strip.show(known.value.statistics)


def _choose_region(regions: list[str]) -> str | None:
    """None, which is all of them, unless there is a choice."""
    if len(regions) < 2:
        return None
    return st.selectbox("Grid region", regions, key="region", bind="query-params")


def _trouble(known: Known[live.Now]) -> None:
    if known.at is None:
        st.info(
            "**There is no ledger to read yet.** Start everything on this machine with "
            "`carbon-aware up --demo`; this page fills itself within seconds.",
            icon=":material/database_off:",
        )
        st.text(known.problem or "")
        return
    age = words.duration((system_clock() - known.at).total_seconds())
    st.warning(
        f"**The ledger does not answer.** What is shown is {age} old. "
        f"{words.escape(known.problem or '')}",
        icon=":material/database_off:",
    )

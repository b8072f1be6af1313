"""The frame of every page: its title, the choice of a region, and what is wrong if anything is."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard import visitor, words
from dashboard.data import live
from dashboard.data.source import Known
from dashboard.settings import DashboardSettings
from dashboard.views import strip
from dashboard.views.zone import zone
from shared.errors import CarbonAwareError
from shared.runtime import system_clock


@dataclass(frozen=True, slots=True)
class Place:
    """What a page is about: the ledger's address, one region of it or all, and what is allowed."""

    url: str
    region: str | None
    settings: DashboardSettings


def frame(title: str, body: Callable[[Place], None], *, by_region: bool = True) -> None:
    """Draw a page.

    Args:
        title: its heading.
        body: draws what is below; parts that are to stay current are fragments of their own.
        by_region: whether it can be narrowed to a region.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False)
        visitor.sign_out()
    if not visitor.may_look():
        return
    try:
        settings = DashboardSettings.load()
    except CarbonAwareError as error:
        st.error(words.escape(str(error)), icon=":material/settings_alert:")
        return
    url = settings.ledger_url
    region = _choose_region(live.regions(url)) if by_region else None
    place = Place(url, region, settings)
    _sources(place)
    body(place)


@st.fragment(run_every="2s")
def _sources(place: Place) -> None:
    known = live.now(place.url, place.region)
    if known.problem is not None:
        _trouble(known)
    if known.value is not None:
        strip.show(known.value.statistics)
        _silence(known.value)


def _silence(now: live.Now) -> None:
    """Whether the broker or the services are away cannot be told from here."""
    last = now.silent_since
    if last is None:
        return
    age = words.duration((now.at - last).total_seconds())
    st.warning(
        f"**Nothing is heard from the services since {words.moment(last, now.at, zone())}**, "
        f"{age} ago. Are RabbitMQ and the services up? `carbon-aware doctor` says what is missing. "
        "What is shown of them is what they told last.",
        icon=":material/cloud_off:",
    )


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

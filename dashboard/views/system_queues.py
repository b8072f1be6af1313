"""What waits where, and what failed or was no job, on the page System."""

import streamlit as st

from dashboard import frames_system
from dashboard.data.system import System
from dashboard.settings import DashboardSettings
from dashboard.views import dead_buttons
from dashboard.views.elements import distance, listing, moment, table
from shared.ledger.reads import JobCounts


def show(settings: DashboardSettings, system: System, counts: JobCounts) -> None:
    """The queues, then the two that need somebody's eye."""
    st.subheader(
        "Queues",
        anchor=False,
        help="As the ledger knows them from what the services told; RabbitMQ's own page has the "
        "messages",
    )
    table(
        frames_system.queues(system.waiting, counts, system.last_known),
        "queues",
        {"Oldest": distance("Since when the job that is there longest has been there")},
    )
    left, right = st.columns(2, gap="large")
    with left:
        dead_letters(settings, system)
    with right:
        rejected(settings, system)


def dead_letters(settings: DashboardSettings, system: System) -> None:
    """Jobs that failed for good; what may be done about them stands below the table."""
    listing(
        "Dead letters",
        frames_system.dead(system.dead),
        "dead",
        {"Ended": moment()},
        nothing="No job has failed for good.",
    )
    dead_buttons.show(settings, system.dead)


def rejected(settings: DashboardSettings, system: System) -> None:
    """Messages that were no valid jobs."""
    listing(
        "Rejected messages",
        frames_system.rejected(system.rejected),
        "rejected",
        {"At": moment()},
        nothing="Every message was a valid job.",
    )
    if system.rejected:
        st.caption(
            "`carbon-aware rejected list` and `show` tell them whole; `replay` submits some again."
        )
        dead_buttons.rejected(settings)

"""What can be done about jobs that failed for good, and about messages that were no jobs."""

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from dashboard import actions, words
from dashboard.settings import DashboardSettings
from dashboard.views import outcome
from shared.ledger.reads import JobStatus

_KEY, _REJECTED = "dead", "rejected"


def show(settings: DashboardSettings, dead: Sequence[JobStatus]) -> None:
    """The buttons, or how to do it elsewhere where the dashboard is for reading only."""
    if not settings.dashboard_actions:
        if not dead:
            return
        st.caption(
            ":material/lock: For reading only. Start the dashboard with `DASHBOARD_ACTIONS=true` "
            "to replay jobs here, or use `carbon-aware dead replay ID`."
        )
        return
    outcome.tell(_KEY)
    if not dead:
        return
    by_id = {job.id: job for job in dead}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Job", list(by_id), format_func=lambda job_id: _name(by_id[job_id]), key="dead_job"
        )
        st.button(
            "Replay",
            key="dead_replay",
            icon=":material/replay:",
            help="Submit it again, with its retries and its time to finish anew",
            on_click=outcome.ask,
            args=(_KEY, lambda: _one(settings, chosen)),
        )
        with st.popover("Replay all", icon=":material/replay:", key="dead_all"):
            st.markdown(f"Submit every dead letter again, at most {actions.MOST_AT_ONCE}?")
            st.button(
                "Replay them all",
                key="dead_replay_all",
                type="primary",
                on_click=outcome.ask,
                args=(_KEY, lambda: _all(settings)),
            )


def rejected(settings: DashboardSettings) -> None:
    """The button for messages that were no valid jobs; elsewhere it is said how."""
    if not settings.dashboard_actions:
        return
    outcome.tell(_REJECTED)
    with st.popover("Replay all", icon=":material/replay:", key="rejected_all"):
        st.markdown(
            f"Submit every rejected message again as it was, at most {actions.MOST_AT_ONCE}? What "
            "is still no valid job comes back."
        )
        st.button(
            "Replay them all",
            key="rejected_replay_all",
            type="primary",
            on_click=outcome.ask,
            args=(_REJECTED, lambda: _every_rejected(settings)),
        )


def _every_rejected(settings: DashboardSettings) -> str:
    count = actions.replay_rejected(settings)
    rest = " Press again for the rest." if count == actions.MOST_AT_ONCE else ""
    return f"Submitted {words.count(count, 'message')} again.{rest}"


def _name(job: JobStatus) -> str:
    return f"{job.type or 'type not recorded'} {str(job.id)[:8]}"


def _one(settings: DashboardSettings, job_id: UUID) -> str:
    actions.replay(settings, job_id)
    return f"Submitted {str(job_id)[:8]} again. The page follows as soon as it has happened."


def _all(settings: DashboardSettings) -> str:
    count = actions.replay_all(settings)
    rest = " Press again for the rest." if count == actions.MOST_AT_ONCE else ""
    return f"Submitted {words.count(count, 'job')} again.{rest}"

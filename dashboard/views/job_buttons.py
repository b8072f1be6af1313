"""What can be done with one job: cancel, run now, replay."""

from collections.abc import Callable

import streamlit as st

from dashboard import actions
from dashboard.settings import DashboardSettings
from dashboard.views import outcome
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import JobStatus

LONGEST_REASON = 200
_WAITING = frozenset({State.SUBMITTED, State.DEFERRED, State.RETRYING, State.PAUSED})


def show(settings: DashboardSettings, job: JobStatus) -> None:
    """The buttons that the job's state allows; none where the dashboard is for reading only."""
    outcome.tell(_key(job))
    if not settings.dashboard_actions:
        if job.state not in FINAL_STATES or job.state is State.DEAD:
            st.caption(
                ":material/lock: For reading only. Start the dashboard with "
                "`DASHBOARD_ACTIONS=true` to cancel, run or replay jobs here."
            )
        return
    with st.container(horizontal=True):
        if job.state in _WAITING:
            _run_now(settings, job)
        if job.state not in FINAL_STATES:
            _cancel(settings, job)
        if job.state is State.DEAD:
            _replay(settings, job)


def _run_now(settings: DashboardSettings, job: JobStatus) -> None:
    st.button(
        "Run now",
        key="run_now",
        icon=":material/play_arrow:",
        type="primary",
        help="Run it on whatever grid there is, at once",
        on_click=_do,
        args=(job, "Asked to run now.", lambda: actions.run_now(settings, job.id)),
    )


def _cancel(settings: DashboardSettings, job: JobStatus) -> None:
    with st.popover("Cancel", icon=":material/cancel:", key="cancel"):
        st.markdown("Call this job off? It cannot be undone.")
        st.text_input(
            "Reason, kept in the audit log", key="cancel_reason", max_chars=LONGEST_REASON
        )
        st.button(
            "Cancel this job",
            key="cancel_job",
            type="primary",
            on_click=_do,
            args=(job, "Asked to cancel.", lambda: actions.cancel(settings, job.id, _reason())),
        )


def _replay(settings: DashboardSettings, job: JobStatus) -> None:
    st.button(
        "Replay",
        key="replay",
        icon=":material/replay:",
        type="primary",
        help="Submit it again, with its retries and its time to finish anew",
        on_click=_do,
        args=(job, "Submitted again.", lambda: actions.replay(settings, job.id)),
    )


def _reason() -> str | None:
    return str(st.session_state.get("cancel_reason") or "").strip() or None


def _do(job: JobStatus, done: str, wish: Callable[[], None]) -> None:
    """Ask, and remember what came of it for as long as the job stays in this state."""

    def told() -> str:
        wish()
        return f"{done} The page follows as soon as it has happened."

    outcome.ask(_key(job), told)


def _key(job: JobStatus) -> str:
    return f"{job.id}:{job.state.value}"

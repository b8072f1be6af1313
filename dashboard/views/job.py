"""The page Job: how one job came to run when it did, and what that saved."""

import json
from datetime import datetime
from typing import Literal

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import tables, trail, words
from dashboard.data import job as data
from dashboard.data.job import Shown
from dashboard.frames import STATE_WORDS
from dashboard.shell import Place, frame
from dashboard.views import job_account, job_buttons, timeline
from dashboard.views.elements import card, moment
from dashboard.views.zone import zone
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import JobStatus

MOST_LINES, LONG_HEIGHT_PX = 16, 400
"""A longer traceback is shown in a box of this height, with a scroll bar."""
Colour = Literal["orange", "blue", "green", "red"]
_COLOURS: dict[State, Colour] = {
    State.RUNNING: "blue",
    State.SUCCEEDED: "green",
    State.DEAD: "red",
    State.CANCELLED: "red",
    State.EXPIRED: "red",
}


def link() -> st.Page:
    """The page itself, for the menu and for those that open a job."""
    return st.Page(page, title="Job", url_path="job", visibility="hidden")


def page() -> None:
    """Lay the page out; it renews itself."""
    frame("Job", _body, by_region=False)


def _body(place: Place) -> None:
    wanted = st.query_params.get("id", "").strip()
    if wanted:
        _job(place, wanted)
        return
    st.info(
        "**Which job?** Open one on the page Jobs, or give its id here.", icon=":material/search:"
    )
    st.text_input("Job id", key="id", placeholder="Whole, or its first six digits", on_change=_look)


def _look() -> None:
    st.query_params["id"] = st.session_state["id"]


@st.fragment(run_every="2s")
def _job(place: Place, wanted: str) -> None:
    found = data.job(place.url, wanted)
    if found.value is None:
        st.warning(words.escape(found.problem or ""), icon=":material/search_off:")
        return
    shown = found.value
    status = shown.trail.job
    _heading(status)
    job_buttons.show(place.settings, status)
    _facts(shown)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("How it got here", anchor=False)
        timeline.show(trail.steps(shown.trail, zone()), shown.at, zone())
        _still(shown)
    with right:
        job_account.show(status)
        _outcome(shown)
    _runs(shown)


def _heading(status: JobStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = words.escape(status.type or "type not recorded yet")
        st.markdown(f"### {name}", width="content")
        colour: Colour = _COLOURS.get(status.state, "orange")
        st.badge(STATE_WORDS[status.state.value], color=colour)
        if status.simulated:
            st.badge("SIMULATED", icon=":material/science:", color="violet")
        st.caption(f"`{status.id}`", width="content")
    told = status.progress
    if told is not None:
        said = words.escape(told.message or "Running")
        st.progress(min(max(told.fraction or 0.0, 0.0), 1.0), text=said)


def _facts(shown: Shown) -> None:
    status, at = shown.trail.job, shown.at
    over = status.state in FINAL_STATES
    waited = status.wait_seconds
    with st.grid(4, min_column_width=220):
        _fact("Submitted", status.submitted_at, at)
        card(
            "Waited",
            "not started" if waited is None else words.duration(waited),
            f"deferred {words.times(status.deferrals)}",
        )
        if over:
            _fact("Ended", status.finished_at, at)
        else:
            _fact("To be done by", status.deadline, at)
        card(
            "Dirtiest band it runs in",
            status.max_band.words if status.max_band else words.UNKNOWN,
            f"{status.priority.value} priority" if status.priority else None,
        )


def _fact(label: str, at: datetime | None, now: datetime) -> None:
    card(
        label,
        words.UNKNOWN if at is None else words.away(at, now),
        None if at is None else words.moment(at, now, zone()),
    )


def _still(shown: Shown) -> None:
    """What it waits for, while it does."""
    status = shown.trail.job
    if status.state is State.DEFERRED and status.planned_at is not None:
        away = words.away(status.planned_at, shown.at)
        text = f"It waits for {words.moment(status.planned_at, shown.at, zone())}, {away}."
    elif status.state is State.READY:
        text = "It waits for a free worker."
    elif status.state is State.SUBMITTED:
        text = "No decision is recorded yet."
    else:
        return
    st.caption(f":material/hourglass_top: {text}")


def _outcome(shown: Shown) -> None:
    """Its result, or why it has none."""
    status = shown.trail.job
    if status.result is not None:
        st.subheader("Result", anchor=False)
        st.code(json.dumps(status.result, indent=2, ensure_ascii=False), "json", wrap_lines=True)
    failed = [row for row in shown.trail.attempts if row.error is not None]
    if not failed or status.state is State.SUCCEEDED:
        return
    st.subheader("Last error", anchor=False)
    text = failed[-1].traceback or failed[-1].error or ""
    long = text.count("\n") > MOST_LINES
    st.code(text, None, wrap_lines=True, height=LONG_HEIGHT_PX if long else "content")


def _runs(shown: Shown) -> None:
    """Every piece of every attempt."""
    rows = tables.runs(shown.trail.attempts)
    if rows.empty:
        return
    st.subheader("Runs", anchor=False)
    times: dict[str, ColumnConfig] = {name: moment() for name in ("Started", "Ended")}
    st.dataframe(rows, hide_index=True, key="runs", column_config=times, placeholder=tables.NOT_YET)

"""The page Jobs: every job, filtered as the viewer likes; a row opens its job."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import streamlit as st

from dashboard import tables, words
from dashboard.data import jobs, live
from dashboard.data.jobs import Choice
from dashboard.data.source import ledger
from dashboard.frames import STATE_WORDS
from dashboard.shell import Place, frame
from dashboard.views import job
from dashboard.views.zone import zone
from shared.domain.jobs import Priority, State
from shared.errors import CarbonAwareError
from shared.ledger.reads.pages import JobPage, Mark

T = TypeVar("T")
PERIODS = {
    "1 hour": timedelta(hours=1),
    "24 hours": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "all": None,
}
_DRAWN = "jobs_drawn"
_BEFORE, _AFTER = "before", "after"


def page() -> None:
    """Lay the page out; the table renews itself."""
    frame("Jobs", _body, by_region=False)


def _body(place: Place) -> None:
    choice = _choose(place)
    _table(place, choice)
    _download(place, choice)


def _choose(place: Place) -> Choice:
    """The filters; their values are in the page's address."""
    regions = live.regions(place.url)
    with st.container(border=True), st.grid(5 + (len(regions) > 1), min_column_width=170):
        states = _several("State", list(State), "state", lambda each: STATE_WORDS[each.value])
        types = _several("Job type", jobs.types(place.url), "type", str)
        priorities = _several("Priority", list(Priority), "priority", lambda each: each.value)
        chosen = _several("Region", regions, "regions", str) if len(regions) > 1 else ()
        text = st.text_input(
            "Search",
            key="q",
            placeholder="Type, error, or beginning of an id",
            bind="query-params",
            on_change=_to_the_newest,
        )
        period = st.selectbox(
            "Submitted within",
            list(PERIODS),
            index=2,
            key="period",
            bind="query-params",
            on_change=_to_the_newest,
        )
    return Choice(states, types, priorities, chosen, text or "", PERIODS[period])


def _several(
    label: str, options: Sequence[T], key: str, format_func: Callable[[T], str]
) -> tuple[T, ...]:
    chosen = st.multiselect(
        label,
        options,
        key=key,
        format_func=format_func,
        placeholder="Any",
        bind="query-params",
        on_change=_to_the_newest,
    )
    return tuple(chosen)


@st.fragment(run_every="3s")
def _table(place: Place, choice: Choice) -> None:
    _open_chosen()
    before, after = _mark(_BEFORE), _mark(_AFTER)
    found = jobs.page(place.url, choice, before, None if before else after)
    if found.value is None:
        return
    if not found.value.lines:
        _nothing(choice, turned=before is not None or after is not None)
        return
    st.session_state[_DRAWN] = tuple(line.id for line in found.value.lines)
    rows = tables.job_lines(found.value.lines)
    st.dataframe(
        rows,
        hide_index=True,
        key="jobs_table",
        on_select="rerun",
        selection_mode="single-row",
        height=min(640, 38 + 35 * len(rows)),
        column_config=tables.job_columns(str(zone())),
        placeholder=tables.NOT_YET,
        alt="Jobs, newest first",
    )
    _turn(found.value)


def _open_chosen() -> None:
    """Open the job of the row that was clicked, as the rows were when they were drawn."""
    table = st.session_state.get("jobs_table")
    rows = table.selection.rows if table is not None else []
    drawn = st.session_state.get(_DRAWN, ())
    if rows and rows[0] < len(drawn):
        st.switch_page(job.link(), query_params={"id": str(drawn[rows[0]])})


def _nothing(choice: Choice, *, turned: bool) -> None:
    if choice.leaves_out or turned:
        st.info(
            "**No job matches.** Choose a longer period, or take a filter away.",
            icon=":material/filter_alt_off:",
        )
        return
    st.info(
        "**No jobs yet.** Submit one on the page Submit, or with "
        "`carbon-aware submit nightly_report --deadline 6h`",
        icon=":material/add_task:",
    )


def _turn(shown: JobPage) -> None:
    """To newer and older jobs."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Newest",
            icon=":material/first_page:",
            on_click=_to_the_newest,
            disabled=not shown.newer,
        )
        st.button(
            "Newer",
            icon=":material/chevron_left:",
            on_click=_turn_to,
            args=(_AFTER, shown.lines[0].submitted_at, shown.lines[0].id),
            disabled=not shown.newer,
        )
        st.button(
            "Older",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_turn_to,
            args=(_BEFORE, shown.lines[-1].submitted_at, shown.lines[-1].id),
            disabled=not shown.older,
        )
        st.caption(f"{words.count(len(shown.lines), 'job')} shown. Select a row to open its job.")


def _turn_to(which: str, submitted_at: datetime, job_id: UUID) -> None:
    _to_the_newest()
    st.query_params[which] = f"{submitted_at.isoformat()}~{job_id}"


def _to_the_newest() -> None:
    for which in (_BEFORE, _AFTER):
        st.query_params.pop(which, None)


def _mark(which: str) -> Mark | None:
    """A place in the table, from the page's address; none where somebody wrote something else."""
    at, _, job_id = st.query_params.get(which, "").partition("~")
    try:
        return Mark(datetime.fromisoformat(at), UUID(job_id))
    except ValueError:
        return None


def _download(place: Place, choice: Choice) -> None:
    try:
        engine = ledger(place.url)
    except CarbonAwareError:
        return  # the frame says so
    st.download_button(
        "Download all as CSV",
        lambda: jobs.as_csv(engine, choice),
        "jobs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        help=f"All jobs that the filters leave, newest first, at most {jobs.MOST_LINES:,}; "
        "times are UTC, units are in the names of the columns.",
    )

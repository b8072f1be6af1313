"""The parts of the page Plan, each with what to do where it is empty."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import charts_plan, frames_plan, words
from dashboard.because import because
from dashboard.data.plan import Plan
from dashboard.views.elements import band, card, chart, distance, listing, moment
from dashboard.views.zone import ink, zone
from shared.ledger.reads import TimetableRow

STALE_SECONDS = 60.0
"""A scheduler tells its timetable every few seconds; this long without one is worth a word."""


def overview(plan: Plan) -> None:
    """Cards and charts of the timetable."""
    if plan.timetable is None:
        st.info(
            "**No timetable yet.** The working scheduler tells it as soon as the first job is "
            "deferred. `carbon-aware doctor` says whether a scheduler is alive.",
            icon=":material/calendar_month:",
        )
        return
    _currency(plan, plan.timetable)
    _cards(plan.timetable, plan.at)
    _charts(plan.timetable)


def _currency(plan: Plan, timetable: TimetableRow) -> None:
    """Say so where the timetable is not kept current."""
    age_seconds = (plan.at - timetable.at).total_seconds()
    if plan.silent_since is not None:
        st.caption(f"As it was told {words.duration(age_seconds)} ago.")
    elif not plan.leader:
        st.warning(
            f"**No working scheduler is alive.** The timetable is {words.duration(age_seconds)} "
            "old; what waits stays in its queues and is decided when a scheduler is back.",
            icon=":material/calendar_month:",
        )
    elif age_seconds > STALE_SECONDS:
        st.caption(f"As of {words.duration(age_seconds)} ago: nothing has changed since.")


def _cards(timetable: TimetableRow, now: datetime) -> None:
    sums = frames_plan.totals(timetable.slots)
    backlog = timetable.backlog_seconds or 0.0
    reach = timetable.slots[-1].at if timetable.slots else now
    ahead = words.duration((reach - now).total_seconds() + timetable.slot_seconds)
    with st.grid(4, min_column_width=220):
        card("Jobs planned", f"{sums.jobs:,}", f"over the next {ahead}")
        card(
            "Planned work",
            words.duration(sums.load_seconds),
            f"and {words.duration(backlog)} in the pools already",
            "How long all planned jobs together are expected to run.",
        )
        card(
            "Room left",
            words.UNKNOWN if sums.room_seconds is None else words.duration(sums.room_seconds),
            "no worker pool is known"
            if timetable.consumers is None
            else f"{words.count(timetable.consumers, 'job')} at once now",
            "Every slot has room for its expected band's capacity times its length.",
        )
        _cleanest(sums, now)


def _cleanest(sums: frames_plan.Totals, now: datetime) -> None:
    label, slot = "Cleanest slot with room", sums.cleanest
    if slot is None or slot.expected_g_per_kwh is None:
        card(label, words.UNKNOWN, "no forecast")
        return
    ahead_s = (slot.at - now).total_seconds()
    when = f"in {words.duration(ahead_s)}" if ahead_s > 0 else "now"
    card(label, when, f"{slot.expected_g_per_kwh:.0f} gCO\u2082/kWh, {slot.band.words}")


def _charts(timetable: TimetableRow) -> None:
    rows = frames_plan.intensities(timetable)
    st.subheader("Expected intensity of every slot", anchor=False)
    if rows.empty:
        st.caption("No forecast in grams is known, so slots have no expected intensity.")
    else:
        chart(
            charts_plan.intensity_chart(rows, ink()),
            key="intensity",
            alt="Expected carbon intensity of each slot, with the slots that have jobs",
        )
    st.subheader("Work and room", anchor=False)
    unit = frames_plan.work_unit(timetable)
    loads = frames_plan.loads(timetable, unit)
    if loads.empty:
        st.caption("Nothing is planned, and no worker pool is known that would give room.")
        return
    chart(
        charts_plan.load_chart(loads, unit.name, ink()),
        key="loads",
        alt="Planned work and room left in each slot",
    )
    if timetable.consumers is None:
        st.caption("No worker pool is known, so the room of the slots is not limited.")


def lists(plan: Plan, *, every: bool) -> None:
    """The slots, what is due, and what left its slot early."""
    _slots(
        pd.DataFrame() if plan.timetable is None else frames_plan.slots(plan.timetable, every=every)
    )
    left, right = st.columns([2, 1], gap="large")
    with left:
        _due(plan)
    with right:
        _early(plan)


def _slots(rows: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn(format="%.1f")
    columns: dict[str, ColumnConfig] = {
        name: number for name in rows.columns if name.startswith(("Planned work", "Room left"))
    }
    columns["Slot"] = moment()
    columns["Band"] = band()
    columns["Expected, gCO\u2082/kWh"] = st.column_config.NumberColumn(format="%.0f")
    columns["Full, %"] = st.column_config.ProgressColumn(
        format="%.0f", min_value=0.0, max_value=100.0, help="Planned work of all that fits"
    )
    listing(
        "Slots",
        rows,
        "slots",
        columns,
        nothing="No job waits for a slot. Jobs are planned here when a cleaner time is ahead.",
    )


def _due(plan: Plan) -> None:
    listing(
        "What is due when",
        frames_plan.due(plan.due, plan.at),
        "due",
        {
            "Deadline": moment(),
            "Planned for": moment(),
            "Left": distance(),
            "Spare, min": st.column_config.NumberColumn(
                format="%.0f",
                help="Time between its planned end and its deadline; negative where it is late",
            ),
        },
        nothing="No job is waiting or running.",
    )


def _early(plan: Plan) -> None:
    st.subheader("Released before their slot", anchor=False)
    if not plan.early:
        st.caption(
            "Jobs that the grid, or somebody, let run earlier than planned appear here, with the "
            "reason."
        )
        return
    st.markdown("\n\n".join(_early_lines(plan)))


def _early_lines(plan: Plan) -> Iterator[str]:
    for row in plan.early:
        job = words.escape(row.job_type or str(row.job_id)[:8])
        early = words.duration((row.planned_at - row.decision.at).total_seconds())
        at = words.moment(row.decision.at, plan.at, zone())
        why = words.escape(because(row.decision, zone()))
        yield f":gray[{at}] **{job}** :green-badge[{early} early] {why}"

"""Below the cards of the page Savings: charts, the table, and the same rows as files."""

from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import charts_savings, frames_savings, tables_savings, units, words
from dashboard.data.savings import Course, Groups
from dashboard.downloads import FILES
from dashboard.views import elements
from dashboard.views.zone import ink
from shared.domain.savings import REFERENCE_G_PER_KWH
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, KindReport
from shared.ledger.reads.waiting import DeferralCost, WaitBucket
from shared.report.data import Report
from shared.report.pruned import uncounted_line
from shared.report.revisions import revised_accounts_line
from shared.report.words import sentence

ENERGY = "Energy is"


def sums(points: Sequence[CurvePoint], until: datetime) -> None:
    """The running sums."""
    st.subheader("Running sums", anchor=False)
    unit = frames_savings.sums_unit(points)
    rows = frames_savings.running_sums(points, until, unit)
    if rows.empty:
        st.caption("The lines begin with the first job whose figures are known.")
        return
    elements.chart(
        charts_savings.running_sums_chart(rows, unit.name, ink()),
        key="sums",
        alt="Running sums of CO2: emitted, if run at submission, and at a fixed intensity",
    )
    st.caption(
        "The saving is the distance between the first two lines. The dotted line is the same "
        f"energy at a fixed {REFERENCE_G_PER_KWH:.0f} g/kWh: a reference, and no part of the claim."
    )


def breakdown(kind: KindReport, by: GroupBy) -> None:
    """What each group avoided, and what had been promised."""
    rows = kind.rows  # one unit for both charts: they are compared
    grams = units.mass(
        value for row in rows for value in (row.avoided_g, row.promised_g, row.realised_g)
    )
    name = tables_savings.GROUP_WORDS[by].lower()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Avoided", anchor=False, help=f"By {name}")
        avoided = frames_savings.avoided(kind.rows, by, grams)
        elements.chart(
            charts_savings.avoided_chart(avoided, grams.name, by_day=by is GroupBy.DAY),
            key="avoided",
            alt=f"CO2 avoided by {name}",
        )
        if len(avoided) < len(kind.rows):
            st.caption(f"The largest {len(avoided)} of {len(kind.rows)}; the table has all.")
    with right:
        _promises(kind, by, grams)


def _promises(kind: KindReport, by: GroupBy, grams: units.Unit) -> None:
    st.subheader("Promised and realised", anchor=False)
    rows = frames_savings.promises(kind.rows, by, grams)
    if rows.empty:
        st.caption("No decision about these jobs promised a saving in grams.")
        return
    elements.chart(
        charts_savings.promises_chart(rows, grams.name),
        key="promises",
        alt="CO2 savings that decisions promised, beside those that came",
    )


def waiting(buckets: Sequence[WaitBucket], costs: Sequence[DeferralCost], by: GroupBy) -> None:
    """How long jobs waited, and what that bought."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(
            "How long jobs waited",
            anchor=False,
            help="Waits are kept to a tenth of their length, so a job whose wait is within a tenth "
            "of where two bars meet may be counted in either",
        )
        rows = frames_savings.waits(buckets)
        if rows.empty:
            st.caption("No job has a recorded wait.")
        else:
            elements.chart(
                charts_savings.waits_chart(rows, ink()), key="waits", alt="Jobs by their wait"
            )
    with right:
        _cost(costs, by)


def _cost(costs: Sequence[DeferralCost], by: GroupBy) -> None:
    st.subheader(
        "What waiting bought",
        anchor=False,
        help="Of the jobs that were deferred at least once: those that ran at once bought nothing",
    )
    wait = units.time(cost.mean_wait_seconds for cost in costs)
    grams = units.mass(cost.avoided_g / cost.deferred_jobs for cost in costs)
    rows = frames_savings.waiting_against_saving(costs, wait, grams)
    if rows.empty:
        st.caption("Shown once a job that was deferred has a known saving.")
        return
    elements.chart(
        charts_savings.cost_chart(rows, wait.name, grams.name, ink()),
        key="cost",
        alt="Mean wait of deferred jobs and CO2 that each avoided, by "
        f"{tables_savings.GROUP_WORDS[by].lower()}",
    )


def table(kind: KindReport, by: GroupBy) -> None:
    """Every group with all its figures."""
    st.subheader("All figures", anchor=False)
    rows = tables_savings.groups(kind, by)
    plain = {tables_savings.GROUP_WORDS[by], "Jobs", "Unknown", "Late"}
    columns: dict[str, ColumnConfig] = {
        name: st.column_config.NumberColumn(format="%.2f")
        for name in rows.columns
        if name not in plain and name != ENERGY
    }
    columns["Avoided, %"] = st.column_config.NumberColumn(format="%.1f")
    columns["Unknown"] = st.column_config.NumberColumn(
        help="Jobs whose energy or grid was not recorded: they are in no sum of grams or energy"
    )
    columns["Late"] = st.column_config.NumberColumn(help="Jobs that ended after their deadline")
    columns[ENERGY] = st.column_config.TextColumn(
        help="For how many jobs the energy was measured, modelled from the processor's use, or "
        "declared by whoever submitted them"
    )
    elements.table(rows, "figures", columns, unknown=words.UNKNOWN)


def files(groups: Groups, report: Callable[[], Report]) -> None:
    """The rows of all kinds as files, made of the report when a button is pressed."""
    span = f"{groups.since:%Y%m%d}-{groups.until:%Y%m%d}-by-{groups.by.value}"
    quick = " without what was possible, of so many jobs" if groups.is_quick else ""
    with st.container(horizontal=True):
        for file in FILES:
            st.download_button(
                f"Download {file.label}",
                file.of(report),
                f"carbon-report-{span}.{file.ending}",
                file.mime,
                key=f"download-{file.ending}",
                on_click="ignore",
                icon=":material/download:",
                help=f"What `carbon-aware report` writes, all kinds of figures{quick}",
            )


def left_out(kind: KindReport, course: Course) -> None:
    """What the figures do not hold, and what was changed in them after they were settled."""
    total, notes = kind.total, []
    if total.unknown_jobs:
        notes.append(f"{words.count(total.unknown_jobs, 'job')} without known figures")
    if total.emissions_without_baseline_g is not None:
        emitted = words.with_unit(words.mass(total.emissions_without_baseline_g))
        notes.append(f"{emitted} emitted by jobs whose submission is not covered by the record")
    if course.never_ran_jobs:
        notes.append(f"{words.count(course.never_ran_jobs, 'job')} that ended without ever running")
    if notes:
        st.caption(f"Not in these sums: {'; '.join(notes)}.")
    pruned(course)
    for sums in course.revised:
        st.caption(f":material/history: {words.escape(revised_accounts_line(sums))}.")


def pruned(course: Course) -> None:
    """Which jobs are gone from a part of a day, and so from every figure here."""
    for missing in course.uncounted:
        st.caption(f":material/warning: {sentence(uncounted_line(missing))}")

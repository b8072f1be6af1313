"""What all of it saved: the sums, how they came about, and what they cost in waiting."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

import streamlit as st

from dashboard import words
from dashboard.data import savings
from dashboard.data.savings import Course, Period
from dashboard.shell import Place, frame
from dashboard.views import savings_cards, savings_panels
from shared.ledger.reads.report_rows import GroupBy, Kind, KindReport

T = TypeVar("T")
_PERIOD_WORDS = {
    Period.HOUR: "1 hour",
    Period.DAY: "24 hours",
    Period.WEEK: "7 days",
    Period.MONTH: "30 days",
    Period.QUARTER: "90 days",
    Period.YEAR: "1 year",
}
_BY_WORDS = {
    GroupBy.TYPE: "Job type",
    GroupBy.REGION: "Region",
    GroupBy.DAY: "Day",
    GroupBy.PRIORITY: "Priority",
}


def page() -> None:
    """Lay the page out; its figures refresh themselves."""
    frame("Savings", _body, by_region=False)


def _body(place: Place) -> None:
    with st.container(horizontal=True, gap="large"):
        period = _one("Jobs that ended in the last", _PERIOD_WORDS, Period.MONTH, "period")
        by = _one("Broken down by", _BY_WORDS, GroupBy.TYPE, "by")
    _figures(place, Period(period), GroupBy(by))


def _one(label: str, options: Mapping[T, str], usual: T, key: str) -> T:
    """One of some options by their words, kept in the page's address."""
    chosen = st.segmented_control(
        label,
        list(options),
        default=usual,
        required=True,
        format_func=options.__getitem__,
        key=key,
        bind="query-params",
        wrap=True,
    )
    return usual if chosen is None else chosen


@st.fragment(run_every="30s")
def _figures(place: Place, period: Period, by: GroupBy) -> None:
    groups = savings.groups(place.url, period, by).value
    course = savings.course(place.url, period).value
    if groups is None or course is None:
        return
    if not groups.kinds:
        _empty(period, course)
        return
    kind = _choose_kind(groups.kinds)
    key: Kind = (kind.signal, kind.simulated)
    savings_cards.show(kind, groups.kinds)
    if kind.total.known_jobs:
        savings_panels.sums(course.curves.get(key, ()), course.until)
        savings_panels.breakdown(kind, by)
    costs = [cost for cost in groups.costs if (cost.signal, cost.simulated) == key]
    savings_panels.waiting(course.waits.get(key, ()), costs, by)
    savings_panels.table(kind, by)
    savings_panels.files(
        groups, partial(savings.whole_report, place.url, groups, place.settings.server)
    )
    savings_panels.left_out(kind, course)


def _empty(period: Period, course: Course) -> None:
    st.info(
        f"**No job that ran has ended in the last {_PERIOD_WORDS[period]}.** Choose a longer time "
        "above, or submit one: `carbon-aware submit nightly_report --deadline 6h`",
        icon=":material/eco:",
    )
    if course.never_ran_jobs:
        ended = words.count(course.never_ran_jobs, "job")
        st.caption(f"{ended} ended without ever running.")
    savings_panels.pruned(course)


def _choose_kind(kinds: Sequence[KindReport]) -> KindReport:
    """Kinds measure different things, so one is shown at a time and none is added to another."""
    if len(kinds) == 1:
        return kinds[0]
    by_name = {kind_words(kind): kind for kind in kinds}
    chosen = st.segmented_control(
        "Kinds of figures, never added up",
        list(by_name),
        default=next(iter(by_name)),
        required=True,
        format_func=lambda name: f"{name} ({words.count(by_name[name].total.jobs, 'job')})",
        key="kind",
        help="Real and simulated grids, and marginal and average intensities, measure different "
        "things: each kind has its own sums.",
    )
    return by_name.get(chosen or "", kinds[0])


def kind_words(kind: KindReport) -> str:
    """`real grid, marginal intensity`, or that energy or grid were not recorded."""
    if kind.signal is None:
        return "figures unknown"
    return f"{'simulated' if kind.simulated else 'real'} grid, {kind.signal.value} intensity"

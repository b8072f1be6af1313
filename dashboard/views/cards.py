"""The cards of the page Live: the numbers that matter."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.data.live import SPARK_POINTS, Avoided, Now, ahead
from dashboard.views.elements import card
from dashboard.views.zone import zone
from shared.domain.outlook import cleanest_window
from shared.ledger.reads import JobCounts


def show(now: Now, today: Avoided | None, month: Avoided | None) -> None:
    """All cards.

    Args:
        now: what holds.
        today: what was avoided since midnight where the viewer is; None while it is not known.
        month: what was avoided within 30 days.
    """
    with st.grid(5, min_column_width=220):
        _intensity(now)
        _window(now)
        _capacity(now)
        _avoided("today", today)
        _avoided("in 30 days", month)
    jobs = now.statistics.jobs
    with st.grid(5, min_column_width=150):
        card("Jobs deferred", f"{jobs.deferred + jobs.submitted:,}", "for cleaner power")
        card("Jobs ready", f"{jobs.ready:,}", "for a free worker")
        card("Jobs running", f"{jobs.running:,}", _not_at_work(jobs, now.lost_jobs))
        card("Jobs done", f"{jobs.succeeded:,}", _called_off(jobs))
        card("Jobs failed", f"{jobs.dead:,}", _rejected(jobs))


def _intensity(now: Now) -> None:
    stats = now.statistics
    by_index = stats.intensity_g_per_kwh is None and stats.index_percent is not None
    value = stats.index_percent if by_index else stats.intensity_g_per_kwh
    recent = [
        row.index_percent if by_index else row.intensity_g_per_kwh
        for row in now.readings[-SPARK_POINTS:]
    ]
    points = [point for point in recent if point is not None]
    st.metric(
        "Signal index, percentile" if by_index else "Carbon intensity, gCO\u2082/kWh",
        words.whole(value),
        f"{stats.band.words} band",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        chart_data=points if len(points) > 1 else None,
        chart_type="area",
        help="WattTime's rank of this moment among the next 24 hours: 0 is the cleanest, 100 the "
        "dirtiest. Grams are not known with this account."
        if by_index
        else None,
    )


def _window(now: Now) -> None:
    label, grid = "Cleanest window ahead", now.grid
    if grid is None or grid.forecast is None or grid.intensity_g_per_kwh is None:
        card(label, words.UNKNOWN, "no forecast")
        return
    horizon_s = ahead(grid).total_seconds()
    places = int(horizon_s / grid.forecast.period_seconds)
    trend = _thinned(grid.forecast.values_g_per_kwh[:places])
    found = cleanest_window(grid.forecast, grid.cuts, grid.intensity_g_per_kwh, now.at, horizon_s)
    if found is None:
        card(label, "now", "nothing cleaner is forecast", trend=trend)
        return
    st.metric(
        label,
        f"in {words.duration((found.start - now.at).total_seconds())}",
        words.signed_percent(found.percent),
        delta_color="inverse",
        delta_description=words.between(found.start, found.end, zone()),
        border=True,
        height="stretch",
        chart_data=trend,
        chart_type="area",
        help="The stretch of the forecast in which most of the best possible saving is to be had.",
    )


def _avoided(when: str, found: Avoided | None) -> None:
    if found is None:
        card(f"CO\u2082 avoided {when}", words.UNKNOWN, "the ledger does not answer")
        return
    total = found.total
    number, unit = words.mass(total.avoided_g)
    percent = words.share(total.avoided_g, total.baseline_g)
    if total.jobs:
        against = "vs running at submission"
    else:
        against = "grams are not known here" if total.unknown_jobs else "no job has ended yet"
    missing = f" {words.count(total.unknown_jobs, 'job')} not counted: of another kind, or unknown."
    st.metric(
        f"CO\u2082 avoided {when}, {unit}",
        number,
        None if percent is None else words.signed_percent(percent),
        delta_arrow="off",
        delta_description=against,
        border=True,
        height="stretch",
        chart_data=_thinned(found.grams) if total.jobs else None,
        chart_type="area",
        help="Emissions of the same jobs run at the moment of their submission, less what they "
        "really emitted. Negative if waiting made it worse."
        + (missing if total.unknown_jobs else ""),
    )


def _capacity(now: Now) -> None:
    pools, label = now.pools, "Capacity in use, jobs"
    if not pools:
        is_heard = now.silent_since is None
        card(label, "0 of 0", "no worker is running" if is_heard else "no worker was alive")
        return
    reasons = {pool.reason for pool in pools}
    base = sum(pool.base_consumers for pool in pools)
    because = reasons.pop() if len(reasons) == 1 else f"base {base}"
    if now.silent_since is not None:
        because = f"as told {words.away(now.silent_since, now.at)}"
    most = sum(pool.consumers for pool in pools)
    card(
        label,
        f"{now.statistics.jobs.running - now.lost_jobs:,} of {most:,}",
        because,
        trend=_thinned(now.capacity),
    )


def _not_at_work(jobs: JobCounts, lost: int) -> str:
    if lost:
        return f"{lost:,} in a silent worker"
    again = jobs.retrying + jobs.paused
    return f"{again:,} wait to go on" if again else "none interrupted"


def _called_off(jobs: JobCounts) -> str:
    return f"{jobs.cancelled:,} cancelled" if jobs.cancelled else "none cancelled"


def _rejected(jobs: JobCounts) -> str:
    late = f"{jobs.expired:,} too late" if jobs.expired else ""
    wrong = f"{jobs.rejected:,} rejected" if jobs.rejected else ""
    return ", ".join(filter(None, (late, wrong))) or "none rejected"


def _thinned(values: Sequence[float]) -> list[float] | None:
    """At most about as many values as a sparkline has room for; None where it tells none."""
    step = max(1, len(values) // SPARK_POINTS)
    return list(values[::step]) if len(set(values)) > 1 else None

"""The cards of the page Live: the numbers that matter."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.data.live import SPARK_POINTS, Now, ahead
from dashboard.views.zone import zone
from shared.domain.outlook import cleanest_window
from shared.ledger.reads import Statistics


def show(now: Now) -> None:
    """All cards."""
    with st.grid(4, min_column_width=240):
        _intensity(now)
        _window(now)
        _capacity(now)
        _avoided(now)
    with st.grid(4, min_column_width=150):
        _energy(now.statistics)
        _running(now.statistics)
        _deferred(now.statistics)
        _done(now.statistics)


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
        _plain(label, words.UNKNOWN, "no forecast")
        return
    horizon_s = ahead(grid).total_seconds()
    places = int(horizon_s / grid.forecast.period_seconds)
    trend = _thinned(grid.forecast.values_g_per_kwh[:places])
    found = cleanest_window(grid.forecast, grid.cuts, grid.intensity_g_per_kwh, now.at, horizon_s)
    if found is None:
        _plain(label, "now", "nothing cleaner is forecast", trend)
        return
    st.metric(
        label,
        f"in {words.duration((found.start - now.at).total_seconds())}",
        f"{words.signed_percent(found.percent)} carbon",
        delta_color="inverse",
        delta_description=words.between(found.start, found.end, zone()),
        border=True,
        height="stretch",
        chart_data=trend,
        chart_type="area",
        help="The stretch of the forecast in which most of the best possible saving is to be had.",
    )


def _avoided(now: Now) -> None:
    stats = now.statistics
    number, unit = words.mass(stats.avoided_g)
    percent = words.share(stats.avoided_g, stats.baseline_g)
    st.metric(
        f"CO\u2082 avoided, {unit}",
        number,
        None if percent is None else words.signed_percent(percent),
        delta_arrow="off",
        delta_description="vs running at once" if percent is not None else "no job has run yet",
        border=True,
        height="stretch",
        chart_data=_thinned(now.avoided_g),
        chart_type="area",
        help="Emissions of the same jobs run at the moment of their submission, less what they "
        "really emitted. Negative if waiting made it worse."
        + (
            f" {words.count(stats.unknown_jobs, 'job')} not counted: figures unknown."
            if stats.unknown_jobs
            else ""
        ),
    )


def _energy(stats: Statistics) -> None:
    number, unit = words.energy(stats.energy_kwh)
    _plain(
        f"Energy used, {unit}",
        number,
        f"{words.with_unit(words.mass(stats.emissions_g))} CO\u2082 emitted",
    )


def _capacity(now: Now) -> None:
    capacity, label = now.statistics.capacity, "Capacity, jobs at once"
    if not capacity.pools:
        _plain(label, "0", "no worker is running")
        return
    reasons = {pool.reason for pool in now.pools}
    because = reasons.pop() if len(reasons) == 1 else f"base {capacity.base_consumers}"
    _plain(label, f"{capacity.consumers:,}", because, _thinned(now.capacity))


def _running(stats: Statistics) -> None:
    _plain("Jobs running", f"{stats.jobs.running:,}", f"{stats.jobs.ready:,} ready to start")


def _deferred(stats: Statistics) -> None:
    _plain("Jobs deferred", f"{stats.jobs.deferred:,}", "for cleaner power")


def _done(stats: Statistics) -> None:
    _plain("Jobs done", f"{stats.jobs.succeeded:,}", f"{stats.jobs.dead:,} failed for good")


def _thinned(values: Sequence[float]) -> list[float] | None:
    """At most about as many values as a sparkline has room for; None where there is no line."""
    step = max(1, len(values) // SPARK_POINTS)
    return list(values[::step]) if len(values) > 1 else None


def _plain(label: str, value: str, remark: str, trend: list[float] | None = None) -> None:
    """A card whose second line is a remark, shown as it is."""
    st.metric(
        label,
        value,
        words.escape(remark),
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        chart_data=trend,
        chart_type="area",
    )

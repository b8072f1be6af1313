"""decide(): what must hold for any job on any grid."""

import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.bands import KNOWN_BANDS, Band
from shared.domain.decisions import Defer, Expire, Rules, RunNow, decide, decide_among
from shared.domain.jobs import OnDeadline, Priority
from shared.domain.reasons import Cause
from shared.domain.timetable import Pools, Timetable, Wheel

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "deciding.py")))
NOW, SLOT, WHEEL, RULES = HERE.NOW, HERE.SLOT, HERE.WHEEL, HERE.RULES
job, grid, settle, busy_timetable = HERE.job, HERE.grid, HERE.settle, HERE.busy_timetable

jobs = st.builds(
    job,
    priority=st.sampled_from(Priority),
    max_band=st.sampled_from(KNOWN_BANDS),
    deadline=st.floats(-3600, 30 * 3600).map(lambda s: NOW + timedelta(seconds=s)),
    expected_duration_seconds=st.floats(1, 4 * 3600),
    on_deadline=st.sampled_from(OnDeadline),
)
forecasts = st.lists(st.floats(0, 700, allow_nan=False), min_size=1, max_size=288)


@settings(max_examples=300)
@given(jobs, forecasts)
def test_a_job_never_waits_past_its_latest_start(the_job, values):
    decision = settle(the_job, grid(values))
    if isinstance(decision, Defer):
        assert NOW < decision.until <= the_job.latest_start(RULES.margin_seconds)
        assert WHEEL.slot_at(NOW.timestamp()) < decision.slot <= WHEEL.last_slot(NOW.timestamp())


@given(jobs, forecasts, st.sampled_from(KNOWN_BANDS), st.sampled_from(KNOWN_BANDS))
def test_a_cleaner_band_never_delays_more(the_job, values, one, other):
    cleaner, dirtier = sorted((one, other), key=lambda band: band.rank)
    if isinstance(settle(the_job, grid(values, band=cleaner)), Defer):
        assert isinstance(settle(the_job, grid(values, band=dirtier)), Defer)


@given(st.lists(st.integers(50, 600), min_size=80, max_size=90), st.integers(1, 300))
def test_a_higher_level_everywhere_does_not_change_the_chosen_window(values, shift):
    never_in_band = job(max_band=Band.VERY_LOW, expected_duration_seconds=300.0)

    def slot(forecast):
        decision = settle(never_in_band, grid(forecast, band=Band.VERY_HIGH))
        return decision.slot if decision.cause is Cause.CLEANER_LATER else None

    base, shifted = slot([float(v) for v in values]), slot([float(v + shift) for v in values])
    assert base == shifted or shifted is None  # a smaller share may not be worth the wait


@given(jobs, forecasts)
def test_only_expiring_jobs_expire(the_job, values):
    if isinstance(settle(the_job, grid(values)), Expire):
        assert the_job.on_deadline is OnDeadline.EXPIRE


@given(jobs, st.lists(forecasts, min_size=2, max_size=3), st.integers(0, 1))
def test_no_job_waits_for_less_than_is_worthwhile_where_it_could_run_at_once(
    the_job, values, deferrals
):
    asked = replace(the_job, deferrals=deferrals)
    grids = [grid(each, region=f"R{number}") for number, each in enumerate(values)]
    chosen = decide_among(asked, NOW, grids, Timetable(WHEEL), RULES)
    there = chosen.numbers.expected_g_per_kwh
    for each in grids:
        alone = settle(asked, each)
        here = alone.numbers.expected_g_per_kwh
        if isinstance(chosen, Defer) and isinstance(alone, RunNow):
            assert there <= here - RULES.enough(asked, here)


exact = Rules(
    margin_seconds=0,
    worthwhile_share=0,
    worthwhile_g_per_kwh=1e-6,
    still_worthwhile_share=0,
    still_worthwhile_g_per_kwh=1e-6,
)
whole_values = st.lists(st.integers(50, 600).map(float), min_size=60, max_size=120)
durations = st.integers(1, 40).map(lambda n: n * 150.0)


def expected(values, seconds, slack_slots, *, interruptible=False):
    """The mean that a job is expected to run at, decided with a perfect forecast."""
    asked = job(
        max_band=Band.VERY_LOW,
        expected_duration_seconds=seconds,
        deadline=SLOT + timedelta(seconds=seconds + slack_slots * 300.0),
        interruptible=interruptible,
    )
    the_grid = grid(values + [650.0] * 200, band=Band.VERY_HIGH)
    return decide(asked, SLOT, the_grid, Timetable(WHEEL), exact).numbers


@given(whole_values, durations, st.integers(0, 60), st.integers(0, 60))
def test_more_slack_never_costs_carbon_under_a_perfect_forecast(values, seconds, slack, more):
    short, long = expected(values, seconds, slack), expected(values, seconds, slack + more)
    assert long.expected_g_per_kwh <= short.expected_g_per_kwh + 1e-6


@given(whole_values, durations, st.integers(0, 60))
def test_pieces_cost_no_more_than_a_window_and_that_no_more_than_running_now(
    values, seconds, slack
):
    window = expected(values, seconds, slack)
    pieces = expected(values, seconds, slack, interruptible=True)
    assert window.expected_g_per_kwh <= window.window_g_per_kwh + 1e-6
    assert pieces.expected_g_per_kwh <= window.expected_g_per_kwh + 1e-5


@given(whole_values, durations, st.integers(2, 60), st.floats(0, 300))
def test_a_shift_of_all_values_does_not_change_the_chosen_window(values, seconds, slack, shift):
    def slot(forecast):
        asked = job(
            max_band=Band.VERY_LOW,
            expected_duration_seconds=seconds,
            deadline=SLOT + timedelta(seconds=seconds + slack * 300.0),
        )
        the_grid = grid(forecast, band=Band.VERY_HIGH)
        decision = decide(asked, SLOT, the_grid, Timetable(WHEEL), exact)
        return getattr(decision, "slot", None)

    whole = round(shift)
    assert slot(values) == slot([value + whole for value in values])


@settings(max_examples=200)
@given(jobs, forecasts, st.integers(1, 4), st.floats(0, 20_000), st.data())
def test_no_decision_waits_past_the_latest_start_however_full_the_pools(
    the_job, values, consumers, backlog_s, data
):
    timetable = busy_timetable(consumers, backlog_s)
    now_slot = WHEEL.slot_at(NOW.timestamp())
    loads = st.tuples(st.integers(1, 287), st.floats(1, 9000), st.sampled_from(Priority))
    for ahead, seconds, priority in data.draw(st.lists(loads, max_size=30)):
        timetable.add("R", now_slot + ahead, seconds, priority)
    decision = settle(the_job, grid(values), timetable)
    if isinstance(decision, Defer):
        assert NOW < decision.until <= the_job.latest_start(RULES.margin_seconds)
        assert now_slot < decision.slot <= WHEEL.last_slot(NOW.timestamp())


@settings(max_examples=200)
@given(
    st.sampled_from((2, 12, 100, 288)),
    st.integers(0, 843),
    st.integers(1, 72),
    st.floats(1, 4 * 3600),
    st.booleans(),
    st.floats(0, 20_000),
)
def test_a_forecast_that_reaches_far_beyond_the_wheel_is_planned_by(
    places, cleanest, hours, seconds, interruptible, backlog_s
):
    values = [450.0] * 864
    values[cleanest : cleanest + 20] = [100.0] * 20
    timetable = Timetable(Wheel(300.0, places))
    timetable.set_pools("R", Pools((4,), 4, backlog_s))
    asked = job(
        deadline=NOW + timedelta(hours=hours),
        expected_duration_seconds=seconds,
        interruptible=interruptible,
    )
    decision = settle(asked, grid(values, band=Band.HIGH), timetable)
    if isinstance(decision, Defer):
        assert NOW < decision.until <= asked.latest_start(RULES.margin_seconds)
        assert decision.slot <= timetable.wheel.last_slot(NOW.timestamp())

"""What must hold for every policy on any grid, and that adaptive is decide()."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.bands import KNOWN_BANDS, Band, absolute_cuts
from shared.domain.decisions import Rules, RunNow, decide
from shared.domain.grid import Curve, Freshness, Grid, utc
from shared.domain.jobs import Job, Priority
from shared.domain.replay import BuiltIn, Foreseen, JobRow, Policy, Replay, Workload
from shared.domain.replay.adaptive import adaptive
from shared.domain.replay.planning import Situation
from shared.domain.timetable import Timetable, Wheel
from shared.domain.windows import Series

HOUR_S = 3600.0
ODD_RULES = Rules(
    worthwhile_share=0.02517,
    worthwhile_g_per_kwh=1.137,
    still_worthwhile_share=0.00251,
    still_worthwhile_g_per_kwh=0.0137,
    patient_share=0.10137,
)  # no margin that whole numbers meet exactly
grids = st.lists(st.integers(0, 700).map(float), min_size=30, max_size=60).map(
    lambda values: Series(0.0, HOUR_S, values)
)
rows = st.builds(
    lambda submitted, duration, slack, band, priority, paused: JobRow(
        submitted,
        duration,
        submitted + duration + slack,
        priority=priority,
        max_band=band,
        interruptible=paused,
    ),
    st.floats(0, 20 * HOUR_S),
    st.floats(60, 5 * HOUR_S),
    st.floats(0, 20 * HOUR_S),
    st.sampled_from([None, *KNOWN_BANDS]),
    st.sampled_from(Priority),
    st.booleans(),
)
loads = st.lists(rows, min_size=1, max_size=12).map(Workload.of)


def replay(series, load, known=None):
    series = series.extended_to(load.ends_s)
    return Replay(series, load, known or Foreseen(series))


@settings(max_examples=60, deadline=None)
@given(grids, loads, st.sampled_from(Policy), st.booleans())
def test_no_job_starts_early_or_ends_late(series, load, policy, foreseen):
    known = None if foreseen else BuiltIn(series.extended_to(load.ends_s))
    run = replay(series, load, known)
    schedule = run.schedule(policy)
    worked = np.bincount(schedule.job, schedule.end_s - schedule.start_s, len(load))
    assert worked == pytest.approx(load.duration_s)
    assert (schedule.start_s >= load.submitted_s[schedule.job] - 1e-6).all()
    result = run.run(policy)
    assert result.missed_deadlines == 0
    assert result.optimal_percent is None or result.avoided_percent <= result.optimal_percent + 1e-6


@settings(max_examples=60, deadline=None)
@given(grids, loads)
def test_pausing_is_never_worse_than_one_piece_and_that_never_worse_than_at_once(series, load):
    run = replay(series, load.all_interruptible(False))
    pieces, window, best, at_once = (
        run.outcome(policy).emissions_g
        for policy in (
            Policy.INTERRUPTIBLE,
            Policy.LOWEST_WINDOW,
            Policy.OPTIMAL,
            Policy.RUN_NOW,
        )
    )
    for cleaner, dirtier in ((pieces, best), (best, window), (window, at_once)):
        assert (cleaner <= dirtier * (1 + 1e-9) + 1e-6).all()


@settings(max_examples=60, deadline=None)
@given(grids, loads, st.integers(1, 1000))
def test_a_higher_level_everywhere_changes_no_window(series, load, shift):
    raised = Series(0.0, HOUR_S, series.values + shift)
    for policy in (Policy.LOWEST_WINDOW, Policy.LOWEST_SLOT, Policy.CARBON_TIME):
        one, other = replay(series, load), replay(raised, load)
        differ = one.schedule(policy).start_s != other.schedule(policy).start_s
        gap = np.abs(one.outcome(policy).emissions_g - _moved(one, other, policy))
        assert (gap[differ] < 1e-6).all() or policy is Policy.CARBON_TIME


def _moved(one, other, policy):
    """Emissions on the first grid of the starts that were chosen on the second."""
    starts = other.schedule(policy).start_s
    load, series = one.workload, one.series
    seconds = load.duration_s
    if policy is Policy.LOWEST_SLOT:
        return one.outcome(policy).emissions_g
    return load.grams(series.area(starts + seconds) - series.area(starts))


@settings(max_examples=60, deadline=None)
@given(grids, st.lists(rows, min_size=1, max_size=8), st.floats(0, 10 * HOUR_S))
def test_more_slack_never_costs_carbon_under_a_perfect_forecast(series, jobs, more_s):
    tight = Workload.of(jobs)
    loose = Workload(
        tight.submitted_s,
        tight.duration_s,
        tight.deadline_s + more_s,
        tight.power_watts,
        tight.priority,
        tight.max_band,
        tight.interruptible,
    )
    whole = series.extended_to(loose.ends_s)
    for policy in (Policy.LOWEST_WINDOW, Policy.INTERRUPTIBLE, Policy.OPTIMAL):
        before = replay(whole, tight).outcome(policy).emissions_g
        after = replay(whole, loose).outcome(policy).emissions_g
        assert (after <= before * (1 + 1e-9) + 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(loads, st.integers(20, 50), st.floats(0, 900))
def test_a_policy_is_never_handed_anything_from_after_its_decision(load, change, other):
    steps = np.arange(60)
    truth = 300 + 100 * np.sin(steps / 3.8) + np.random.default_rng(3).normal(0, 30, 60)
    changed = truth.copy()
    changed[change:] = other
    runs = [Series(0.0, HOUR_S, values).extended_to(load.ends_s) for values in (truth, changed)]
    for policy in (Policy.ADAPTIVE, Policy.THRESHOLD):
        first, second = (replay(s, load, BuiltIn(s)).schedule(policy) for s in runs)
        for one, two in ((first, second), (second, first)):
            early = one.start_s < change * HOUR_S
            pairs = set(zip(two.job.tolist(), two.start_s.tolist(), strict=True))
            wanted = zip(one.job[early].tolist(), one.start_s[early].tolist(), strict=True)
            assert pairs.issuperset(wanted)


def decided(series, load, job, bands):
    """The start by decide() itself, asked at the submission and at every point after it."""
    row_s = float(load.submitted_s[job])
    asked = Job(
        id=UUID(int=job),
        type="t",
        priority=load.priority[job],
        max_band=load.max_band[job] or Band.VERY_LOW,
        submitted_at=utc(row_s),
        deadline=utc(float(load.deadline_s[job])),
        expected_duration_seconds=float(load.duration_s[job]),
        regions=("R",),
        power_watts=1000.0,
    )
    cuts = absolute_cuts()
    point = int(row_s // HOUR_S)
    while True:  # each answer but the last is a deferral
        now_s = max(row_s, point * HOUR_S)
        curve = Curve(point * HOUR_S, HOUR_S, series.values[point:].tolist())
        band = Band.VERY_HIGH if load.max_band[job] is None else bands[point]
        grid = Grid("R", band, Freshness.LIVE, float(series.values[point]), None, curve, cuts, 0.0)
        at = datetime.fromtimestamp(now_s, UTC)
        if isinstance(decide(asked, at, grid, Timetable(Wheel(HOUR_S, 10_000)), ODD_RULES), RunNow):
            return now_s
        asked = replace(asked, deferrals=asked.deferrals + 1)
        point += 1


def test_to_begin_to_wait_takes_more_than_to_go_on():
    series = Series(0.0, HOUR_S, [300.0, 300.0, 298.0, 200.0, 100.0])
    load = Workload.uniform(np.array([0.0, 2 * HOUR_S]), HOUR_S, 2 * HOUR_S)
    rules = Rules(
        worthwhile_share=0.02,
        worthwhile_g_per_kwh=0.0,
        still_worthwhile_share=0.005,
        still_worthwhile_g_per_kwh=0.0,
    )
    situation = Situation(0.0, HOUR_S, load, Foreseen(series))
    ranks = np.full(len(series), 4)
    # 0.7 % less at 02:00: not enough to begin with, but enough for a job that waits already.
    assert adaptive(situation, ranks, rules).start_s.tolist() == [0.0, 4 * HOUR_S]
    eager = replace(rules, worthwhile_share=0.005)
    assert adaptive(situation, ranks, eager).start_s.tolist() == [2 * HOUR_S, 4 * HOUR_S]


@pytest.mark.parametrize(("share", "piece"), [(0.02, 0.0), (0.005, 2 * HOUR_S)])
def test_a_job_that_may_be_paused_asks_as_much_to_begin_to_wait(share, piece):
    series = Series(0.0, HOUR_S, [300.0, 300.0, 298.0])
    rows = [JobRow(0.0, HOUR_S, 3 * HOUR_S, interruptible=True)]
    situation = Situation(0.0, HOUR_S, Workload.of(rows), Foreseen(series))
    rules = Rules(
        worthwhile_share=share,
        worthwhile_g_per_kwh=0.0,
        still_worthwhile_share=0.005,
        still_worthwhile_g_per_kwh=0.0,
    )
    assert adaptive(situation, np.full(3, 4), rules).start_s.tolist() == [piece]


whole_rows = st.builds(
    lambda submitted, duration, slack, band, priority: JobRow(
        submitted,
        duration,
        submitted + duration + slack,
        priority=priority,
        max_band=band,
    ),
    st.integers(0, 80_000).map(float),
    st.integers(60, 18_000).map(float),
    st.integers(0, 72_000).map(float),
    st.sampled_from([None, *KNOWN_BANDS[:-1]]),
    st.sampled_from([p for p in Priority if p is not Priority.HIGH]),
)


@settings(max_examples=60, deadline=None)
@given(grids, st.lists(whole_rows, min_size=1, max_size=5).map(Workload.of))
def test_adaptive_is_decide(series, load):
    series = series.extended_to(load.ends_s + 10 * HOUR_S)
    bands = [absolute_cuts().band_of(value) for value in series.values.tolist()]
    ranks = np.array([band.rank for band in bands])
    situation = Situation(0.0, HOUR_S, load, Foreseen(series))
    starts = adaptive(situation, ranks, ODD_RULES).start_s
    assert starts.tolist() == [decided(series, load, job, bands) for job in range(len(load))]

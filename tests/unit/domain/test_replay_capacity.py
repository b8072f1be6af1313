"""A pool that runs only so many jobs at once follows the rules that hold without a limit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.jobs import Priority
from shared.domain.replay import BuiltIn, Foreseen, JobRow, Policy, Replay, Workload
from shared.domain.windows import Series

HOUR_S = 3600.0
LATER_CLEANER = [500.0, 300.0, 100.0, 400.0, 50.0, 500.0]


def job(submitted_h=0.0, hours=1.0, slack_h=5.0, **more):
    submitted_s = submitted_h * HOUR_S
    return JobRow(submitted_s, hours * HOUR_S, submitted_s + (hours + slack_h) * HOUR_S, **more)


def replay(rows, places, values=LATER_CLEANER):
    series = Series(0.0, HOUR_S, values)
    return Replay(series, Workload.of(rows), Foreseen(series), places)


def starts_h(rows, places, values=LATER_CLEANER):
    plan = replay(rows, places, values).schedule(Policy.ADAPTIVE)
    order = np.lexsort((plan.start_s, plan.job))
    return (plan.start_s[order] / HOUR_S).tolist()


def test_a_critical_job_goes_at_once():
    assert starts_h([job(priority=Priority.CRITICAL), job()], 1) == [0, 4]


def test_a_critical_job_goes_before_those_that_already_queue():
    late = [job(slack_h=0.5) for _ in range(3)]
    assert starts_h([*late, job(1, priority=Priority.CRITICAL)], 1) == [0, 2, 3, 1]


def test_a_job_in_its_band_goes_now_and_in_a_full_slot_as_soon_as_there_is_room():
    grid = [200.0, 150.0, 201.0, 50.0, 500.0, 500.0]  # low in absolute bands, very low at 3 h
    rows = [job(slack_h=4, max_band=Band.LOW) for _ in range(3)]
    assert sorted(starts_h(rows, 1, grid)) == [0, 1, 2]


def test_a_job_of_low_priority_waits_inside_its_band_for_much():
    low = job(max_band=Band.VERY_HIGH, priority=Priority.LOW)
    assert starts_h([low], 1) == [4]
    assert starts_h([low], 1, [500.0, 470.0, 500.0, 500.0, 500.0, 500.0]) == [0]


def test_what_is_hardly_cleaner_is_not_waited_for():
    grid = [400.0, 398.0, 450.0, 450.0, 450.0, 450.0]
    assert starts_h([job()], 1, grid) == [0]
    assert starts_h([job()], 1, [400.0, 390.0, *grid[2:]]) == [1]


def test_an_interruptible_job_runs_in_the_cleanest_slots():
    result = replay([job(hours=2, slack_h=4, interruptible=True)], 1).run(Policy.ADAPTIVE)
    assert result.emissions_g == pytest.approx(100 + 50)


def test_interruptible_jobs_share_the_clean_slots():
    rows = [job(hours=2, slack_h=4, interruptible=True) for _ in range(2)]
    run = replay(rows, 1)
    result = run.run(Policy.ADAPTIVE)
    assert result.emissions_g == pytest.approx(50 + 100 + 300 + 400)
    assert result.missed_deadlines == 0
    assert overlapping_most(run.schedule(Policy.ADAPTIVE)) == 1


def test_the_bound_follows_no_wishes():
    rows = [job(priority=Priority.CRITICAL, max_band=Band.VERY_HIGH)]
    assert replay(rows, 1).run(Policy.OPTIMAL).emissions_g == pytest.approx(50)


def test_no_jobs_make_an_empty_schedule():
    assert len(replay([], 1).schedule(Policy.ADAPTIVE).job) == 0


def overlapping_most(plan):
    """How many stretches run at once at most; what ends when another begins does not overlap."""
    events = sorted([(at + 1e-6, 1) for at in plan.start_s] + [(at, -1) for at in plan.end_s])
    return int(max(np.cumsum([change for _, change in events])))


rows_strategy = st.lists(
    st.builds(
        job,
        submitted_h=st.integers(0, 96).map(lambda quarter: 24 + quarter / 4),
        hours=st.sampled_from([0.25, 1.0, 1.5, 3.0]),
        slack_h=st.integers(0, 48).map(lambda quarter: quarter / 4),
        priority=st.sampled_from(list(Priority)),
        max_band=st.sampled_from([None, Band.VERY_LOW, Band.LOW, Band.MEDIUM]),
        interruptible=st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def waves(seed):
    hours = np.arange(24 * 5)
    noise = np.random.default_rng(seed).normal(0, 40, len(hours))
    return Series(0.0, HOUR_S, 300 + 120 * np.sin(2 * np.pi * hours / 24) + noise)


@settings(max_examples=80, deadline=None)
@given(rows_strategy, st.integers(0, 99), st.booleans())
def test_a_pool_with_a_place_for_every_job_changes_nothing(rows, seed, foreseen):
    series = waves(seed)
    load = Workload.of(rows)
    known = Foreseen(series) if foreseen else BuiltIn(series)
    free, pool = Replay(series, load, known), Replay(series, load, known, len(rows))
    ours, limited = free.outcome(Policy.ADAPTIVE), pool.outcome(Policy.ADAPTIVE)
    np.testing.assert_allclose(limited.emissions_g, ours.emissions_g, rtol=1e-9)
    np.testing.assert_allclose(limited.wait_s, ours.wait_s, atol=1e-4)


@settings(max_examples=80, deadline=None)
@given(rows_strategy, st.integers(0, 99), st.integers(1, 3))
def test_all_the_work_is_done_once_and_no_place_is_given_twice(rows, seed, places):
    series, load = waves(seed), Workload.of(rows)
    plan = Replay(series, load, Foreseen(series), places).schedule(Policy.ADAPTIVE)
    done_s = np.bincount(plan.job, weights=plan.end_s - plan.start_s, minlength=len(load))
    np.testing.assert_allclose(done_s, load.duration_s, atol=1e-4)
    assert (plan.start_s >= load.submitted_s[plan.job] - 1e-6).all()
    assert overlapping_most(plan) <= places
    for each in range(len(load)):
        mine = plan.job == each
        starts, ends = np.sort(plan.start_s[mine]), np.sort(plan.end_s[mine])
        assert (starts[1:] >= ends[:-1] - 1e-6).all()

"""The replay's accounts, its pool of places, and its speed."""

import heapq
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.replay import (
    BuiltIn,
    Foreseen,
    Issued,
    JobRow,
    Policy,
    Replay,
    Workload,
    noisy,
)
from shared.domain.windows import Series

HOUR_S = 3600.0
DIRTY_CLEAN = Series(0.0, HOUR_S, [500.0, 500.0, 100.0, 400.0, 50.0, 500.0])


def run(policy, *rows, series=DIRTY_CLEAN, known=None, capacity=None):
    load = Workload.of(rows)
    return Replay(series, load, known or Foreseen(series), capacity).run(policy)


def job(submitted_h=0.0, hours=1.0, slack_h=5.0, **more):
    submitted_s = submitted_h * HOUR_S
    return JobRow(submitted_s, hours * HOUR_S, submitted_s + (hours + slack_h) * HOUR_S, **more)


def test_a_window_is_weighed_whole_and_a_slot_by_its_start():
    assert run(Policy.LOWEST_WINDOW, job(hours=2, slack_h=4)).emissions_g == pytest.approx(450)
    assert run(Policy.LOWEST_SLOT, job(hours=2, slack_h=4)).emissions_g == pytest.approx(550)


def test_pieces_take_the_cheapest_slots_and_pauses_count_as_waiting():
    result = run(Policy.INTERRUPTIBLE, job(hours=1.5, slack_h=4.5))
    assert result.emissions_g == pytest.approx(50 + 0.5 * 100)
    assert result.mean_wait_seconds == pytest.approx(5 * HOUR_S - 1.5 * HOUR_S)


def test_a_job_pays_for_the_part_of_a_point_that_it_used():
    result = run(Policy.RUN_NOW, job(submitted_h=1.5))
    assert result.emissions_g == pytest.approx(300)
    assert (result.avoided_g, result.mean_wait_seconds) == (0, 0)


def test_the_bound_ends_with_a_point_where_that_is_cleaner():
    series = Series(0.0, HOUR_S, [300.0, 100.0, 400.0])
    result = run(Policy.OPTIMAL, job(hours=1.5, slack_h=1.5), series=series)
    assert result.emissions_g == pytest.approx(100 + 0.5 * 300)


def test_carbon_time_prefers_a_saving_that_comes_soon():
    assert run(Policy.CARBON_TIME, job(slack_h=4)).mean_wait_seconds == 2 * HOUR_S


def test_the_threshold_waits_for_its_band_and_no_longer_than_it_may():
    assert run(Policy.THRESHOLD, job(max_band=Band.VERY_LOW)).mean_wait_seconds == 2 * HOUR_S
    short = run(Policy.THRESHOLD, job(max_band=Band.VERY_LOW, slack_h=1))
    assert (short.mean_wait_seconds, short.missed_deadlines) == (HOUR_S, 0)


def test_adaptive_pauses_what_may_be_paused():
    result = run(Policy.ADAPTIVE, job(hours=2, slack_h=4, interruptible=True))
    assert result.emissions_g == pytest.approx(150)
    assert result.share_of_optimal == pytest.approx(1)


def test_noise_moves_the_plan_and_never_the_account():
    known = noisy(DIRTY_CLEAN, 0.5, 4, 6)
    planned = run(Policy.LOWEST_WINDOW, job(slack_h=4), known=known)
    assert planned.emissions_g in (500.0, 100.0, 400.0, 50.0)
    assert (known.series.values != DIRTY_CLEAN.values).all()
    again = noisy(DIRTY_CLEAN.extended_to(12 * HOUR_S), 0.5, 4, 6)
    assert again.series.values[:6].tolist() == known.series.values.tolist()


def test_an_issued_forecast_counts_from_its_issue_on():
    series = Series(0.0, HOUR_S, [300.0] * 12)
    issue = Series(3 * HOUR_S, HOUR_S, [200.0, 210.0, 220.0])
    known = Issued(series, {3 * HOUR_S: issue})
    assert known.at(2, 4).tolist() == [300.0] * 4
    row = known.at(3, 5)
    assert row[:3].tolist() == [300.0, 210.0, 220.0]  # the present is observed
    assert 220 < row[3] < row[4] < 300


def test_a_pool_lets_jobs_queue():
    result = run(Policy.RUN_NOW, job(slack_h=1), job(slack_h=1), job(slack_h=1), capacity=1)
    assert (result.missed_deadlines, result.mean_wait_seconds) == (1, HOUR_S)


def waves(days, seed=1):
    hours = np.arange(24 * days)
    noise = np.random.default_rng(seed).normal(0, 15, len(hours))
    return Series(0.0, HOUR_S, 300 + 120 * np.sin(2 * np.pi * hours / 24) + noise)


@pytest.mark.parametrize("foreseen", [True, False])
def test_a_plan_that_knows_its_pool_beats_one_that_does_not(foreseen):
    series, rng = waves(14), np.random.default_rng(5)
    rows = [
        job(24 * 7 + float(rng.integers(0, 24)), slack_h=float(rng.integers(105, 140)))
        for _ in range(10_000)
    ]
    known = Foreseen(series) if foreseen else BuiltIn(series)
    replay = Replay(series, Workload.of(rows), known, 100)
    ours, blind = replay.run(Policy.ADAPTIVE), replay.run(Policy.LOWEST_WINDOW)
    assert ours.missed_deadlines == 0
    assert ours.emissions_g < 0.98 * blind.emissions_g


def earliest_deadline_feasible(rows, places):
    """Jackson's rule for jobs of one slot: feasible if and only if this order meets them all."""
    waiting, slot = [], 0
    coming = sorted((int(row.submitted_s // HOUR_S), row.deadline_s) for row in rows)
    while coming or waiting:
        while coming and coming[0][0] <= slot:
            heapq.heappush(waiting, coming.pop(0)[1])
        for _ in range(min(places, len(waiting))):
            if heapq.heappop(waiting) < (slot + 1) * HOUR_S - 1e-6:
                return False
        slot += 1
    return True


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 4), st.integers(0, 99))
def test_no_deadline_is_missed_that_can_be_met(slacks, places, seed):
    rows = [job(slack_h=float(slack)) for slack in slacks]
    series = waves(4, seed)
    result = Replay(series, Workload.of(rows), Foreseen(series), places).run(Policy.ADAPTIVE)
    if earliest_deadline_feasible(rows, places):
        assert result.missed_deadlines == 0


def test_two_hundred_thousand_decisions_take_four_seconds_at_most():
    points = 288 * 60
    steps = np.arange(points)
    noise = np.random.default_rng(2).normal(0, 30, points)
    series = Series(0.0, 300.0, 300 + 100 * np.sin(2 * np.pi * steps / 288) + noise)
    load = Workload.uniform(300.0 * np.arange(points - 300), 7200.0, 12 * HOUR_S)
    made = []
    replay = Replay(series, load, Foreseen(series), progress=made.append)
    began = time.process_time()
    for policy in (Policy.LOWEST_WINDOW, Policy.ADAPTIVE):
        replay.outcome(policy)
    assert (time.process_time() - began) / sum(made) < 20e-6

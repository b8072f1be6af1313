"""Plans that know how many places a pool has: no deadline missed that can be met, and cleaner."""

import heapq

import numpy as np
import pytest

from shared.domain.replay import BuiltIn, Foreseen, JobRow, Knowledge, Policy, Replay, Workload
from shared.domain.windows import Series

HOUR_S = 3600.0


def waves(days, seed):
    hours = np.arange(24 * days)
    noise = np.random.default_rng(seed).normal(0, 25, len(hours))
    return Series(0.0, HOUR_S, 300 + 120 * np.sin(2 * np.pi * hours / 24) + noise)


def earliest_deadline_first_misses(jobs, places):
    """Deadlines that this order misses for (arrival, last slot) in jobs of one slot.

    It misses one only if every schedule does (Jackson, 1955).
    """
    coming = sorted(jobs)
    waiting: list[int] = []
    slot = misses = taken = 0
    while taken < len(coming) or waiting:
        while taken < len(coming) and coming[taken][0] <= slot:
            heapq.heappush(waiting, coming[taken][1])
            taken += 1
        for _ in range(min(places, len(waiting))):
            misses += heapq.heappop(waiting) < slot
        slot += 1
    return misses


def feasible_batches(rng, places):
    """Batches of jobs, thinned until every deadline can be met; one is over when the next comes."""
    jobs = []
    for batch in range(3):
        count = int(rng.integers(5, 40 * places))
        last = 40 * batch + rng.integers(0, 38, count)
        these = [(40 * batch, slot) for slot in last.tolist()]
        while earliest_deadline_first_misses(these, places):
            these = [job for job in these if rng.random() > 0.03]
        jobs += these
    return jobs


def trickling_jobs(rng, places):
    """Jobs that come one by one; of no slot is it the last for more than there are places.

    A plan cannot know who comes later, and a job that waits gives up the slots before its own.
    So this is what deadlines need that are safe whatever waits and whoever comes.
    """
    jobs = []
    for last in range(24, 120):
        slack = rng.integers(0, 24, int(rng.integers(0, places + 1)))
        jobs += [(last - int(slots), last) for slots in slack]
    return jobs


def replay(series, jobs, places, known: Knowledge):
    rows = [JobRow(at * HOUR_S, HOUR_S, (last + 1) * HOUR_S) for at, last in jobs]
    return Replay(series, Workload.of(rows), known, places)


@pytest.mark.parametrize("coming", [feasible_batches, trickling_jobs])
@pytest.mark.parametrize("seed", range(20))
def test_what_can_be_met_is_met(seed, coming):
    rng = np.random.default_rng(seed)
    places = int(rng.integers(1, 6))
    jobs = coming(rng, places)
    assert len(jobs) > 5
    assert earliest_deadline_first_misses(jobs, places) == 0
    series = waves(7, seed)
    for known in (Foreseen(series), BuiltIn(series)):
        run = replay(series, jobs, places, known)
        assert run.run(Policy.ADAPTIVE).missed_deadlines == 0


def test_the_check_itself_knows_what_cannot_be_met():
    assert earliest_deadline_first_misses([(0, 0), (0, 0)], 1) == 1
    assert earliest_deadline_first_misses([(0, 0), (0, 1), (1, 1)], 1) == 1
    assert earliest_deadline_first_misses([(0, 0), (0, 1), (0, 1)], 2) == 0


@pytest.mark.parametrize("foreseen", [True, False])
def test_ten_thousand_jobs_in_a_pool_that_clears_a_hundred_a_slot(foreseen):
    rng = np.random.default_rng(11)
    arrivals = 24 * 7 + rng.integers(0, 24, 10_000)
    last = arrivals + rng.integers(105, 140, 10_000)
    jobs = list(zip(arrivals.tolist(), last.tolist(), strict=True))
    assert earliest_deadline_first_misses(jobs, 100) == 0
    series = waves(16, 11)
    known = Foreseen(series) if foreseen else BuiltIn(series)
    run = replay(series, jobs, 100, known)
    ours, blind, at_once = (
        run.run(policy) for policy in (Policy.ADAPTIVE, Policy.LOWEST_WINDOW, Policy.RUN_NOW)
    )
    assert ours.missed_deadlines == 0
    assert ours.emissions_g < 0.98 * blind.emissions_g
    assert ours.emissions_g < at_once.emissions_g

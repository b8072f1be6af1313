"""The clairvoyant bound against brute force, and as a bound of everything that can happen."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import hindsight
from shared.domain.hindsight import Chances, Recorded, best_starts, least_means
from shared.domain.savings import CARRY_PERIODS, IntensityMethod, Point, mean_intensity
from shared.domain.windows import Series, cheapest_slots

PERIOD_S = 10.0
GRAMS = st.integers(0, 600).map(float)
VALUES = st.lists(GRAMS, min_size=3, max_size=12)
TENTHS = st.integers(0, 1200).map(lambda tenths: tenths / 10)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Series, float, float, float]:
    """A grid, and a job's submission, end and duration on it, to a tenth of a second."""
    values = draw(VALUES)
    whole = 100 * len(values)
    submitted = draw(st.integers(0, whole - 1))
    end = draw(st.integers(submitted + 1, whole))
    seconds = draw(st.integers(1, end - submitted))
    return Series(1000.0, PERIOD_S, values), 1000 + submitted / 10, 1000 + end / 10, seconds / 10


def chances(*jobs: tuple[float, float, float, bool]) -> Chances:
    submitted, end, seconds, interruptible = zip(*jobs, strict=True)
    return Chances(
        np.array(submitted), np.array(end), np.array(seconds), np.array(interruptible, np.bool_)
    )


def least(case: tuple[Series, float, float, float], *, paused: bool) -> float:
    series, submitted_s, end_s, seconds = case
    return float(least_means(series, chances((submitted_s, end_s, seconds, paused)))[0])


@given(cases())
def test_no_start_to_a_tenth_of_a_second_is_better(
    case: tuple[Series, float, float, float],
) -> None:
    series, submitted_s, end_s, seconds = case
    count = round((end_s - seconds - submitted_s) * 10) + 1
    starts = submitted_s + np.arange(count) / 10
    brute = float(series.mean(starts, seconds).min())
    assert least(case, paused=False) == pytest.approx(brute, rel=1e-9, abs=1e-6)


@given(cases())
def test_a_job_that_pauses_has_the_cheapest_points(
    case: tuple[Series, float, float, float],
) -> None:
    series, submitted_s, end_s, seconds = case
    inside = [
        edge for edge in series.start_s + PERIOD_S * np.arange(14) if submitted_s < edge < end_s
    ]
    edges = [submitted_s, *inside, end_s]
    values = np.array([series.mean(np.array([a]), b - a)[0] for a, b in pairwise(edges)])
    used = cheapest_slots(values, np.diff(edges), seconds)
    brute = float((used * values).sum() / seconds)
    assert least(case, paused=True) == pytest.approx(brute, rel=1e-9, abs=1e-6)


@given(cases(), st.floats(0, 1))
def test_the_bound_is_never_worse_than_what_can_happen(
    case: tuple[Series, float, float, float], place: float
) -> None:
    series, submitted_s, end_s, seconds = case
    realised_s = submitted_s + place * (end_s - seconds - submitted_s)
    happened = series.mean(np.array([submitted_s, realised_s]), seconds)
    whole, paused = least(case, paused=False), least(case, paused=True)
    assert np.all(whole <= happened + 1e-6)
    assert paused <= whole + 1e-6


@given(st.lists(cases(), min_size=1, max_size=6), st.integers(1, 40))
def test_many_jobs_in_small_batches_are_weighed_as_each_alone(
    many: list[tuple[Series, float, float, float]], cells: int
) -> None:
    series = many[0][0]
    jobs = [
        (submitted, min(end, series.end_s), seconds, bool(place % 2))
        for place, (_, submitted, end, seconds) in enumerate(many)
        if submitted + seconds <= min(end, series.end_s)
    ]
    if not jobs:
        return
    alone = [float(least_means(series, chances(job))[0]) for job in jobs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hindsight, "CELLS_AT_ONCE", cells)
        told: list[int] = []
        assert least_means(series, chances(*jobs), told.append).tolist() == pytest.approx(alone)
    # A job that runs in one piece is weighed twice: by where it begins and by where it ends.
    assert sum(told) <= 2 * len(jobs)


def test_ties_go_to_the_submission_and_then_to_the_earliest() -> None:
    flat = Series(0.0, PERIOD_S, [5.0] * 6)
    one = np.array([3.0]), np.array([33.0]), np.array([10.0])
    assert best_starts(flat, *one).tolist() == [3.0]
    dip = Series(0.0, PERIOD_S, [5.0, 5.0, 1.0, 5.0, 1.0, 5.0])
    assert best_starts(dip, *one).tolist() == [20.0]


def test_a_window_may_end_with_a_point_instead_of_beginning_with_one() -> None:
    falling = Series(0.0, PERIOD_S, [9.0, 2.0, 1.0, 9.0])
    start = best_starts(falling, np.array([0.0]), np.array([25.0]), np.array([15.0]))
    assert start.tolist() == [15.0]


def points(*told: tuple[float, float]) -> list[Point]:
    return [Point(at_s, PERIOD_S, value) for at_s, value in told]


def covers(recorded: Recorded, start_s: float, end_s: float) -> bool:
    return bool(recorded.covers(np.array([start_s]), np.array([end_s]))[0])


def test_what_is_unreliable_or_outside_is_not_covered() -> None:
    recorded = Recorded.of(points((0, 1), (10, 2), (20, 3), (30, 4)), [True, True, False, True])
    assert covers(recorded, 0, 20)
    assert covers(recorded, 30, 40)
    assert not covers(recorded, 0, 20.1)
    assert not covers(recorded, 29.9, 40)
    assert not covers(recorded, -0.1, 10)
    assert not covers(recorded, 30, 40.1)
    assert recorded.reaches(np.array([40.0, 40.1])).tolist() == [True, False]


@given(st.sets(st.integers(0, 60), min_size=2), TENTHS, TENTHS)
def test_a_gap_is_carried_exactly_as_in_an_account(
    places: set[int], one_s: float, other_s: float
) -> None:
    told = points(*((PERIOD_S * place, float(7 * place % 11)) for place in sorted(places)))
    recorded = Recorded.of(told, [True] * len(told))
    start_s, end_s = sorted((one_s, other_s))
    if start_s == end_s or end_s > recorded.series.end_s:
        return
    mean = mean_intensity(told, start_s, end_s)
    assert covers(recorded, start_s, end_s) == (mean is not None)
    if mean is not None:
        found = recorded.series.mean(np.array([start_s]), end_s - start_s)
        assert found[0] == pytest.approx(mean.intensity_g_per_kwh, abs=1e-6)


def test_points_of_a_longer_period_fill_the_axis_of_the_shortest() -> None:
    told = [Point(0, 30, 7), Point(30, 10, 1), Point(40, 30, 9)]
    recorded = Recorded.of(told, [True] * 3)
    assert recorded.series.values.tolist() == [7, 7, 7, 1, 9, 9, 9]
    assert covers(recorded, 0, 70)
    last = 30 * (1 + CARRY_PERIODS)
    far = Recorded.of([Point(0, 30, 7), Point(last + 30, 30, 1)], [True, True])
    assert covers(far, 0, last)
    assert not covers(far, 0, last + 1)
    carried = mean_intensity(points((0, 7)), 0, 20)
    assert carried is not None
    assert carried.method is IntensityMethod.CARRIED

"""The account of a job, against an integrator that walks every second."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.savings import (
    IntensityMethod,
    Mean,
    Point,
    Run,
    account,
    energy_kwh,
    mean_intensity,
    reference_g,
    sci_g_per_job,
)

PERIOD_S = 7
CARRY_PERIODS = 12


def at_second(points: Sequence[Point], second: int) -> tuple[float, bool] | None:
    """What holds in one second, and whether it was carried there."""
    begun = [point for point in points if point.at_s <= second]
    if not begun:
        return None
    point = begun[-1]
    age_s = second - point.at_s
    if age_s >= point.period_s * (1 + CARRY_PERIODS):
        return None
    return point.intensity_g_per_kwh, age_s >= point.period_s


def walked(points: Sequence[Point], start: int, end: int) -> Mean | None:
    """The mean over a window, one second after the other."""
    seconds = [at_second(points, second) for second in range(start, max(end, start + 1))]
    if any(second is None for second in seconds):
        return None
    known = [second for second in seconds if second is not None]
    carried = any(was_carried for _, was_carried in known)
    method = IntensityMethod.CARRIED if carried else IntensityMethod.OBSERVED
    return Mean(sum(value for value, _ in known) / len(known), method)


intensities = st.floats(0, 1000, allow_nan=False)


@st.composite
def grids(draw: st.DrawFn) -> list[Point]:
    """Points on a period's raster with gaps."""
    slots = sorted(draw(st.sets(st.integers(0, 60), max_size=25)))
    return [Point(slot * PERIOD_S, PERIOD_S, draw(intensities)) for slot in slots]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A run of whole seconds."""
    start = draw(st.integers(0, 400))
    return Run(start, start + draw(st.integers(1, 120)), draw(st.floats(0, 10)))


@given(points=grids(), start=st.integers(0, 450), seconds=st.integers(1, 200))
def test_the_mean_equals_a_walk_through_every_second(
    points: list[Point], start: int, seconds: int
) -> None:
    mean, expected = (
        mean_intensity(points, start, start + seconds),
        walked(points, start, start + seconds),
    )
    if expected is None:
        assert mean is None
    else:
        assert mean is not None
        assert mean.intensity_g_per_kwh == pytest.approx(expected.intensity_g_per_kwh, abs=1e-6)
        assert mean.method is expected.method


@given(
    points=grids(),
    done=st.lists(runs(), min_size=1, max_size=3),
    wasted=st.lists(runs(), max_size=2),
    submitted=st.integers(0, 100),
)
def test_the_account_equals_a_walk_through_every_second(
    points: list[Point], done: list[Run], wasted: list[Run], submitted: int
) -> None:
    savings = account(done, submitted, points, wasted=wasted)
    means = [
        (run, walked(points, int(run.started_s), int(run.finished_s))) for run in done + wasted
    ]
    seconds = int(sum(run.finished_s - run.started_s for run in done))
    at_submission = walked(points, submitted, submitted + seconds)
    known = [(run, mean) for run, mean in means if mean is not None]
    if len(known) < len(means):
        assert savings.emissions_g is None
    else:
        emitted = sum(run.energy_kwh * mean.intensity_g_per_kwh for run, mean in known)
        assert savings.emissions_g == pytest.approx(emitted, abs=1e-6)
    if at_submission is None:
        assert savings.baseline_g is None
    else:
        useful = sum(run.energy_kwh for run in done)
        baseline = useful * at_submission.intensity_g_per_kwh
        assert savings.baseline_g == pytest.approx(baseline, abs=1e-6)
    if savings.emissions_g is None or savings.baseline_g is None:
        assert savings.avoided_g is None
    else:
        assert savings.avoided_g == savings.baseline_g - savings.emissions_g


@given(points=grids(), run=runs())
def test_a_job_that_never_waited_avoided_nothing(points: list[Point], run: Run) -> None:
    savings = account([run], run.started_s, points)
    assert savings.avoided_g in {None, 0.0}


def test_nothing_is_known_before_the_first_point() -> None:
    assert mean_intensity([Point(100, 10, 50.0)], 99, 105) is None


def test_a_point_is_carried_twelve_periods_and_no_further() -> None:
    points = [Point(0, 10, 50.0)]
    assert mean_intensity(points, 0, 130) == Mean(50.0, IntensityMethod.CARRIED)
    assert mean_intensity(points, 0, 131) is None


def test_an_instant_has_the_intensity_of_its_point() -> None:
    assert mean_intensity([Point(0, 10, 50.0), Point(10, 10, 70.0)], 10, 10) == Mean(
        70.0, IntensityMethod.OBSERVED
    )


def test_a_real_zero_is_data() -> None:
    savings = account([Run(0, 10, 2.0)], 0, [Point(0, 10, 0.0)])
    assert (savings.emissions_g, savings.baseline_g, savings.avoided_g) == (0.0, 0.0, 0.0)


def test_without_work_the_submission_says_nothing() -> None:
    """At 20 the last point is carried, but nothing would have run there."""
    points, failed = [Point(0, 10, 50.0), Point(30, 10, 70.0)], Run(30, 40, 2.0)
    savings = account([], 20, points, wasted=[failed])
    assert (savings.emissions_g, savings.baseline_g) == (140.0, None)
    assert savings.method is IntensityMethod.OBSERVED


def test_units() -> None:
    assert energy_kwh(250, 3600) == 0.25
    assert reference_g(2.0) == 900.0
    assert sci_g_per_job(10.0, 300.0, 500.0, 7) == pytest.approx(500.0)

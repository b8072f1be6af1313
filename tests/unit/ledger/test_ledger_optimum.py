"""The share of the optimum, from events to sums, against figures made by hand."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.grid import Freshness, Signal
from shared.ledger.reads.known_jobs import known_jobs
from shared.ledger.reads.optimum import (
    NO_DEADLINE,
    READINGS_END,
    READINGS_MISSING,
    Hindsight,
    bounds,
    hindsight,
)
from shared.ledger.reads.report_rows import GroupBy, Kind

REAL: Kind = (Signal.MARGINAL, False)


def look_back(ledger: Any, story: Any, by: GroupBy | None = None) -> dict[Any, Hindsight]:
    ledger.settle()
    known = known_jobs(ledger.engine, story.at(-1e6), story.at(1e6))
    return hindsight(known, bounds(ledger.engine, known), by)


def grid(story: Any, *values: float, **fields: Any) -> list[Any]:
    return [story.intensity(300 * place, value, **fields) for place, value in enumerate(values)]


def ran(
    story: Any, job: int, at: float, start: float, seconds: float = 300.0, **fields: Any
) -> list[Any]:
    """A job that was submitted, started and succeeded; 1 kWh."""
    fields = {"deadline": story.at(1500)} | fields
    region = fields.get("regions", (story.region,))[0]
    done = story.succeeded(job, start, start + seconds, energy_kwh=1.0)
    return [
        story.accepted(job, at, **fields),
        story.started(job, start),
        done.model_copy(update={"region": region}),
    ]


def test_the_best_window_of_a_job_and_the_share_that_was_realised(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *ran(story, 1, 0, 300))
    found = look_back(ledger, story)[REAL, "total"]
    assert found.optimum_avoided_g == pytest.approx(400)
    assert found.optimum_realised_g == pytest.approx(200)
    assert found.share_of_optimum_percent == pytest.approx(50)
    assert (found.optimum_jobs, found.unknown, found.run_seconds) == (1, (), 300)


def test_a_job_that_may_pause_has_the_cheapest_points(ledger: Any, story: Any) -> None:
    life = ran(story, 1, 0, 0, 600, interruptible=True)
    ledger.record(*grid(story, 500, 300, 100, 400, 100), *life)
    assert look_back(ledger, story)[REAL, "total"].optimum_avoided_g == pytest.approx(400 - 100)


def test_a_failed_attempt_is_in_what_was_realised_and_not_in_the_bound(
    ledger: Any, story: Any, life: Any
) -> None:
    more = [story.intensity(300 * n, 400.0 - n) for n in range(10, 300)]
    ledger.record(*life, *more)
    found = look_back(ledger, story)[REAL, "total"]
    # The grid gets cleaner until the deadline, 10 s into the point of 112 g/kWh.
    at_best = 1.0 * (290 * 113 + 10 * 112) / 300
    assert found.optimum_avoided_g == pytest.approx(found.optimum_baseline_g - at_best)
    assert found.run_seconds == 90 + 300
    assert found.share_of_optimum_percent is not None
    assert found.share_of_optimum_percent < 100


def test_any_region_that_the_job_allowed_counts(ledger: Any, story: Any) -> None:
    both = {"regions": (story.region, "PJM")}
    other = grid(story, 50, 450, 450, 20, 450, region="PJM")
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *other)
    ledger.record(*ran(story, 1, 0, 300, **both), *ran(story, 2, 0, 300))
    found = look_back(ledger, story)[REAL, "total"]
    assert found.optimum_avoided_g == pytest.approx((500 - 20) + (500 - 100))


def test_a_region_without_readings_leaves_the_bound_unknown(ledger: Any, story: Any) -> None:
    life = ran(story, 1, 0, 300, regions=(story.region, "PJM"))
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *life)
    found = look_back(ledger, story)[REAL, "total"]
    assert (found.optimum_avoided_g, found.share_of_optimum_percent) == (None, None)
    assert found.unknown == ((READINGS_MISSING, 1),)


def test_readings_that_end_before_the_deadline_leave_it_unknown(ledger: Any, story: Any) -> None:
    late = ran(story, 2, 0, 300, deadline=story.at(1501))
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *ran(story, 1, 0, 300), *late)
    found = look_back(ledger, story)[REAL, "total"]
    assert found.unknown == ((READINGS_END, 1),)
    assert (found.optimum_jobs, found.optimum_realised_g) == (1, pytest.approx(200))


def test_what_was_only_expected_is_no_hindsight(ledger: Any, story: Any) -> None:
    guessed = story.intensity(600, 100.0, freshness=Freshness.FORECAST)
    told = grid(story, 500, 300, 100, 400, 400)
    told[2] = guessed
    ledger.record(*told, *ran(story, 1, 0, 300))
    assert look_back(ledger, story)[REAL, "total"].unknown == ((READINGS_MISSING, 1),)


def test_a_simulated_reading_says_nothing_of_a_real_job(ledger: Any, story: Any) -> None:
    told = grid(story, 500, 300, 100, 400, 400)
    told[2] = story.intensity(600, 100.0, simulated=True)
    ledger.record(*told, *ran(story, 1, 0, 300), *ran(story, 2, 300, 600))
    found = look_back(ledger, story)
    assert found[REAL, "total"].unknown == ((READINGS_MISSING, 1),)
    assert found[(Signal.MARGINAL, True), "total"].optimum_jobs == 1


def test_a_late_job_is_held_to_its_own_end(ledger: Any, story: Any) -> None:
    life = ran(story, 1, 0, 600, deadline=story.at(400))
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *life)
    assert look_back(ledger, story)[REAL, "total"].share_of_optimum_percent == pytest.approx(100)


def test_a_job_that_drew_most_power_where_it_was_cleanest_does_not_beat_the_bound(
    ledger: Any, story: Any
) -> None:
    ledger.record(*grid(story, 400, 300, 100, 400))
    ledger.record(
        story.accepted(1, 0, interruptible=True, expected_duration_seconds=600.0),
        story.started(1, 300),
        story.paused(1, 300, 600, left=300.0, energy_kwh=0.01),
        story.started(1, 600, piece=2),
        story.succeeded(1, 600, 900, piece=2, energy_kwh=0.99),
        *(story.intensity(300 * n, 400.0) for n in range(4, 288)),
    )
    found = look_back(ledger, story)[REAL, "total"]
    # Run at submission 350 g; spread evenly over the two cleanest points 200 g, really 102 g.
    assert found.optimum_realised_g == pytest.approx(350 - 0.01 * 300 - 0.99 * 100)
    assert found.share_of_optimum_percent == pytest.approx(100)


@pytest.mark.parametrize("pauses", [False, True])
def test_a_job_that_took_no_time_has_the_cleanest_point(
    ledger: Any, story: Any, *, pauses: bool
) -> None:
    life = ran(story, 1, 0, 300, seconds=0.0, interruptible=pauses)
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *life)
    found = look_back(ledger, story)[REAL, "total"]
    assert (found.optimum_avoided_g, found.optimum_realised_g) == (400, 200)
    assert found.run_seconds == 0


def test_a_job_that_used_no_energy_is_unknown_without_readings(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story, 500, 300), story.accepted(1, 0), story.started(1, 0))
    ledger.record(story.succeeded(1, 0, 300, energy_kwh=0.0))
    assert look_back(ledger, story)[REAL, "total"].unknown == ((READINGS_END, 1),)


def test_a_job_whose_submission_never_came_has_no_deadline(ledger: Any, story: Any) -> None:
    first, *rest = ran(story, 1, 0, 300)
    ledger.record(*grid(story, 500, 300, 100, 400, 400), first, *rest)
    ledger.settle()
    (known,) = known_jobs(ledger.engine, story.at(0), story.at(1e6))
    lost = type(known)(
        **{name: getattr(known, name) for name in known.__slots__} | {"deadline_s": None}
    )
    (bound,) = bounds(ledger.engine, [lost])
    assert (bound.avoided_g, bound.unknown) == (None, NO_DEADLINE)


def test_a_job_that_died_had_nothing_to_gain(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story, 500, 300, 100, 400, 400), story.accepted(1, 0))
    ledger.record(
        story.started(1, 300), story.failed(1, 300, 400, energy_kwh=0.5), story.died(1, 400, 1)
    )
    found = look_back(ledger, story)[REAL, "total"]
    assert (found.optimum_jobs, found.optimum_avoided_g) == (1, 0.0)
    assert found.optimum_realised_g == pytest.approx(-150)
    assert found.share_of_optimum_percent is None


def test_groups_are_named_as_in_the_report(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story, 500, 300, 100, 400, 400), *ran(story, 1, 0, 300))
    for by, name in (
        (GroupBy.TYPE, "ml_training"),
        (GroupBy.DAY, "2026-11-22"),
        (GroupBy.PRIORITY, "normal"),
    ):
        assert set(look_back(ledger, story, by)) == {(REAL, name)}


@given(
    values=st.lists(st.integers(0, 600).map(float), min_size=6, max_size=6),
    start=st.integers(0, 1200),
    seconds=st.integers(1, 500),
    paused=st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_that_ran_in_one_piece_beats_the_bound(
    new_ledger: Any, new_story: Any, *, values: list[float], start: int, seconds: int, paused: bool
) -> None:
    ledger, story = new_ledger(), new_story()
    life = ran(story, 1, 0, start, seconds, deadline=story.at(1800), interruptible=paused)
    ledger.record(*grid(story, *values), *life)
    found = look_back(ledger, story)[REAL, "total"]
    assert found.optimum_avoided_g is not None
    assert found.optimum_realised_g is not None
    assert found.optimum_avoided_g >= found.optimum_realised_g - 1e-6
    assert found.optimum_avoided_g >= -1e-6

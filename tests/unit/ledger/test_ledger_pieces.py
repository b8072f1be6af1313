"""Interrupted jobs: their pieces, and what those add up to."""

from typing import Any

import pytest

from shared.domain.jobs import State
from shared.ledger import reads


def job(ledger: Any, story: Any) -> reads.JobStatus:
    return reads.job_status(ledger.engine, story.job_id(1))


def grid(story: Any) -> list[Any]:
    """400 g/kWh at the submission, then 100, 200, 300, 400 and 500 g/kWh."""
    values = (400.0, 100.0, 200.0, 300.0, 400.0, 500.0)
    return [story.intensity(300 * n, value) for n, value in enumerate(values)]


def two_pieces(story: Any, *, left: float = 100.0) -> list[Any]:
    """200 s at 100 g/kWh, a pause, and 100 s at 300 g/kWh; 300 s were expected."""
    return [
        story.accepted(1, 0, interruptible=True),
        story.deferred(1, 1, until=300, deferrals=1),
        story.released(1, 300, deferrals=1),
        story.started(1, 300),
        story.paused(1, 300, 500, left=left, energy_kwh=2.0),
        story.deferred(1, 501, until=900, deferrals=2, piece=2),
        story.released(1, 900, deferrals=2, piece=2),
        story.started(1, 900, piece=2),
        story.succeeded(1, 900, 1000, piece=2, energy_kwh=1.0),
    ]


def test_the_pieces_of_an_attempt_add_up(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story), *two_pieces(story))
    row = job(ledger, story)
    assert (row.state, row.attempts, row.deferrals) == (State.SUCCEEDED, 1, 2)
    assert (row.energy_kwh, row.wasted_kwh) == (3.0, 0.0)
    assert row.emissions_g == pytest.approx(2.0 * 100 + 1.0 * 300)
    assert row.baseline_g == pytest.approx(3.0 * 400), "300 s from the submission on, all at 400 g"
    assert row.avoided_g == pytest.approx(700.0)


def test_the_baseline_runs_as_long_as_all_pieces_without_the_pauses(
    ledger: Any, story: Any
) -> None:
    ledger.record(*grid(story), *two_pieces(story)[:-1])
    ledger.record(story.succeeded(1, 900, 1150, piece=2, energy_kwh=1.0))
    # 200 s and 250 s: 300 s at 400 g and 150 s at 100 g.
    assert job(ledger, story).baseline_g == pytest.approx(3.0 * (300 * 400 + 150 * 100) / 450)


def test_a_piece_without_a_checkpoint_is_wasted(ledger: Any, story: Any) -> None:
    ledger.record(*grid(story), *two_pieces(story, left=300.0))
    row = job(ledger, story)
    assert (row.energy_kwh, row.wasted_kwh) == (3.0, 2.0)
    assert row.emissions_g == pytest.approx(500.0)
    assert row.baseline_g == pytest.approx(1.0 * 400)


def test_each_piece_is_judged_by_the_rest_before_it(ledger: Any, story: Any) -> None:
    """The second piece left as much to do as the first had, so only the second is wasted."""
    ledger.record(
        *grid(story),
        story.accepted(1, 0),
        story.paused(1, 300, 400, left=200.0, energy_kwh=1.0),
        story.paused(1, 600, 700, left=200.0, piece=2, energy_kwh=4.0),
        story.succeeded(1, 900, 1100, piece=3, energy_kwh=2.0),
    )
    assert (job(ledger, story).energy_kwh, job(ledger, story).wasted_kwh) == (7.0, 4.0)


def test_a_failure_elsewhere_needs_no_baseline_there(ledger: Any, story: Any) -> None:
    """What the other region's grid was at the submission is not known, and does not matter."""
    failed = story.failed(1, 610, 620).model_copy(update={"region": "FR"})
    ledger.record(*grid(story), story.intensity(600, 50.0, region="FR"), story.accepted(1, 0))
    ledger.record(failed, story.succeeded(1, 900, 1000, attempt=2))
    row = job(ledger, story)
    assert (row.emissions_g, row.baseline_g) == (pytest.approx(350.0), pytest.approx(400.0))


def test_a_rest_of_the_least_length_counts_as_kept(ledger: Any, story: Any) -> None:
    """A job that runs longer than expected is told to have a second left, again and again."""
    ledger.record(
        *grid(story),
        story.accepted(1, 0),
        story.paused(1, 300, 600, left=1.0),
        story.paused(1, 600, 700, left=1.0, piece=2),
        story.succeeded(1, 900, 1000, piece=3),
    )
    assert (job(ledger, story).energy_kwh, job(ledger, story).wasted_kwh) == (3.0, 0.0)


def test_without_an_expected_duration_a_piece_counts_as_kept(ledger: Any, story: Any) -> None:
    ledger.record(story.paused(1, 300, 600, left=100.0), story.succeeded(1, 900, 950, piece=2))
    assert job(ledger, story).wasted_kwh == 0.0


def test_a_checkpoint_outlives_a_failure_whose_own_energy_is_wasted(
    ledger: Any, story: Any
) -> None:
    ledger.record(
        *grid(story),
        story.accepted(1, 0),
        story.paused(1, 300, 500, left=100.0, energy_kwh=2.0),
        story.failed(1, 600, 650, piece=2, energy_kwh=0.5),
        story.succeeded(1, 900, 1000, attempt=2, energy_kwh=1.0),
    )
    row = job(ledger, story)
    assert (row.energy_kwh, row.wasted_kwh) == (3.5, 0.5)
    assert row.emissions_g == pytest.approx(2.0 * 100 + 0.5 * 200 + 1.0 * 300)
    assert row.baseline_g == pytest.approx(3.0 * 400)


def test_pieces_in_two_regions_are_each_compared_with_their_own_grid(
    ledger: Any, story: Any
) -> None:
    elsewhere = two_pieces(story)
    elsewhere[-1] = elsewhere[-1].model_copy(update={"region": "FR"})
    french = [story.intensity(300 * n, 50.0 - 10 * n, region="FR") for n in range(5)]
    ledger.record(*grid(story), *french, *elsewhere)
    row = job(ledger, story)
    assert row.emissions_g == pytest.approx(2.0 * 100 + 1.0 * 20)
    assert row.baseline_g == pytest.approx(2.0 * 400 + 1.0 * 50)


def test_an_unknown_piece_makes_the_sum_unknown(ledger: Any, story: Any) -> None:
    told = two_pieces(story)
    told[4] = story.paused(1, 300, 500, left=100.0, energy_kwh=None)
    ledger.record(*grid(story), *told)
    assert (job(ledger, story).energy_kwh, job(ledger, story).emissions_g) == (None, None)


def test_each_step_of_an_interrupted_job_has_its_state(ledger: Any, story: Any) -> None:
    states = []
    for event in two_pieces(story):
        ledger.record(event)
        row = job(ledger, story)
        states.append((row.state.value, row.piece))
    assert states == [
        ("submitted", 1),
        ("deferred", 1),
        ("ready", 1),
        ("running", 1),
        ("paused", 1),
        ("deferred", 2),
        ("ready", 2),
        ("running", 2),
        ("succeeded", 2),
    ]


def test_a_paused_job_may_be_released_without_a_deferral(ledger: Any, story: Any) -> None:
    ledger.record(
        story.released(1, 10), story.started(1, 9), story.paused(1, 9, 99, left=5.0)
    )  # the clocks of two machines differ
    ledger.record(story.released(1, 90, piece=2))
    assert job(ledger, story).state is State.READY


def test_a_piece_that_ran_twice_counts_once(ledger: Any, story: Any) -> None:
    ledger.record(*two_pieces(story))
    before = job(ledger, story)
    ledger.record(
        story.paused(1, 310, 700, left=50.0, energy_kwh=9.0),
        story.cut(1, 300, 400, energy_kwh=9.0),
    )
    assert job(ledger, story) == before


def test_the_status_lists_every_piece(ledger: Any, story: Any) -> None:
    ledger.record(*reversed(two_pieces(story)[:-1]))
    pieces = job(ledger, story).pieces
    assert [(p.attempt, p.piece, p.outcome, p.energy_kwh) for p in pieces] == [
        (1, 1, "paused", 2.0),
        (1, 2, None, None),
    ]
    assert (pieces[0].started_at, pieces[0].finished_at) == (story.at(300), story.at(500))
    assert (pieces[0].region, pieces[0].pool) == (story.region, f"host-1:{story.region}")
    assert reads.recent_jobs(ledger.engine)[0].pieces == pieces


def test_the_attempts_have_their_errors_and_reasons(ledger: Any, story: Any) -> None:
    ledger.record(
        story.paused(1, 300, 500, left=100.0),
        story.failed(1, 600, 650, piece=2),
        story.cut(1, 700, 710, attempt=2),
    )
    paused, failed, cut = reads.attempts(ledger.engine, story.job_id(1))
    assert (paused.reason, paused.remaining_seconds) == ("the grid became dirty", 100.0)
    assert (failed.error, failed.traceback) == ("attempt 1 broke", "Traceback ...")
    assert (cut.outcome, cut.reason, cut.error) == ("cancelled", "not needed", None)


def test_an_old_event_without_a_piece_is_piece_one(ledger: Any, story: Any) -> None:
    told = story.started(1, 5).model_dump(mode="json", exclude={"piece"})
    ledger.record(type(story.started(1, 5)).model_validate(told))
    assert [each.piece for each in job(ledger, story).pieces] == [1]

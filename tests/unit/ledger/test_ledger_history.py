"""What the ledger hands to a replay: runs that succeeded, and readings that were observed."""

import pytest

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import Priority
from shared.errors import LedgerUnreachable
from shared.ledger.reads.history import (
    busiest_region,
    finished_runs,
    observed_kinds,
    observed_points,
)
from shared.ledger.spelled import drop_views
from shared.ledger.tables import attempts


def runs(ledger, story, since=0.0, region=None):
    return list(finished_runs(ledger.engine, region or story.region, story.at(since)))


def times(story, run):
    began_s = story.start.timestamp()
    return [(piece.started_s - began_s, piece.finished_s - began_s) for piece in run.pieces]


def test_a_run_is_told_with_its_wishes_and_its_real_times(ledger, story, life):
    ledger.record(*life)
    (run,) = runs(ledger, story)
    assert run.id == story.job_id(1)
    assert (run.submitted_s, run.deadline) == (story.at(10).timestamp(), story.at(86_410))
    assert (run.priority, run.max_band, run.interruptible) == (Priority.NORMAL, Band.LOW, False)
    assert times(story, run) == [(730, 1030)]
    assert run.energy_kwh == 1.0  # of the attempt that did the work
    assert run.regions == {story.region}


def test_jobs_that_did_not_succeed_or_came_before_are_left_out(ledger, story):
    ledger.record(
        *(story.accepted(job, 10 * job) for job in (1, 2, 3)),
        story.succeeded(1, 100, 200),
        story.failed(2, 100, 200),
        story.died(2, 200, 1),
        story.started(3, 100),
    )
    assert [run.id for run in runs(ledger, story)] == [story.job_id(1)]
    assert runs(ledger, story, since=11) == []
    assert runs(ledger, story, region="ELSEWHERE") == []


def test_of_two_successes_the_first_counts_and_the_order_is_that_of_submission(ledger, story):
    ledger.record(
        story.accepted(2, 50),
        story.accepted(1, 10),
        story.succeeded(1, 300, 400, attempt=2),
        story.succeeded(1, 100, 200, attempt=1),
        story.succeeded(2, 100, 150, energy_kwh=None),
    )
    first, second = runs(ledger, story)
    assert (first.id, times(story, first)) == (story.job_id(1), [(100, 200)])
    assert (second.id, second.energy_kwh) == (story.job_id(2), None)


def test_all_pieces_that_did_the_work_are_told_and_no_others(ledger, story):
    ledger.record(
        story.accepted(1, 10, expected_duration_seconds=900.0, interruptible=True),
        story.failed(1, 20, 30),
        story.paused(1, 100, 400, attempt=2, left=600, energy_kwh=2.0),
        story.paused(1, 500, 520, attempt=2, piece=2, left=600, energy_kwh=7.0),  # done again
        story.succeeded(1, 600, 1200, attempt=2, piece=3, energy_kwh=4.0),
    )
    (run,) = runs(ledger, story)
    assert times(story, run) == [(100, 400), (600, 1200)]
    assert run.energy_kwh == 6.0


def test_a_replayed_job_counts_from_its_replay(ledger, story):
    ledger.record(
        story.accepted(1, 10, expected_duration_seconds=900.0, interruptible=True),
        story.paused(1, 20, 320, left=600),
        story.failed(1, 400, 500, piece=2),
        story.died(1, 500, 1),
        story.replayed(1, 700, 1),
        story.succeeded(1, 800, 1700, attempt=2),
    )
    (run,) = runs(ledger, story)
    assert run.submitted_s == story.at(700).timestamp()
    assert times(story, run) == [(800, 1700)]


def test_the_busiest_region_is_where_most_jobs_succeeded(ledger, story):
    assert busiest_region(ledger.engine, story.at(0)) is None
    ledger.record(story.accepted(1, 10), story.succeeded(1, 100, 200))
    assert busiest_region(ledger.engine, story.at(0)) == story.region
    assert busiest_region(ledger.engine, story.at(11)) is None


def test_only_observed_readings_in_grams_count(ledger, story):
    ledger.record(
        story.intensity(0, 100.0),
        story.intensity(300, None),
        story.intensity(600, 120.0, freshness=Freshness.FORECAST),
        story.intensity(900, 130.0),
        story.intensity(900, 140.0, region="ELSEWHERE"),
    )
    (kind,) = observed_kinds(ledger.engine, story.region, story.at(0))
    assert (kind.signal, kind.source, kind.simulated) == (Signal.MARGINAL, "watttime", False)
    assert (kind.period_seconds, kind.points) == (300.0, 2)
    points = list(observed_points(ledger.engine, story.region, kind, story.at(0)))
    assert points == [(story.at(0), 100.0), (story.at(900), 130.0)]
    assert list(observed_points(ledger.engine, story.region, kind, story.at(1))) == points[1:]


def test_kinds_are_never_mixed_and_the_longest_comes_first(ledger, story):
    ledger.record(
        story.intensity(0, 100.0),
        story.intensity(300, 100.0, simulated=True),
        story.intensity(600, 300.0, signal=Signal.AVERAGE, source="uk", period_seconds=1800.0),
    )
    average, real, simulated = observed_kinds(ledger.engine, story.region, story.at(0))
    assert average.signal is Signal.AVERAGE
    assert (real.simulated, simulated.simulated) == (False, True)
    points = observed_points(ledger.engine, story.region, simulated, story.at(0))
    assert [at for at, _ in points] == [story.at(300)]


def test_a_database_that_lost_its_tables_is_one_line(ledger, story):
    with ledger.engine.begin() as connection:
        drop_views(connection)
        attempts.drop(connection)
    with pytest.raises(LedgerUnreachable):
        runs(ledger, story)

"""The reads of the pages Savings, Plan and System: waits, deadlines, queues, forecast errors."""

from datetime import timedelta

import pytest

from shared.domain.grid import Signal
from shared.domain.jobs import State
from shared.errors import LedgerUnreachable
from shared.ledger.reads.due import due_jobs, early_releases
from shared.ledger.reads.forecast_error import forecast_review
from shared.ledger.reads.queues import rejected_messages, waiting_jobs
from shared.ledger.reads.spans import first_finish
from shared.ledger.schema import migrate, open_engine
from shared.ledger.writes.positions import last, told_at


def test_the_first_end_in_a_time_is_found(ledger, story, life):
    ledger.record(*life)
    assert first_finish(ledger.engine, story.at(0)) == story.at(1030)
    assert first_finish(ledger.engine, story.at(1031)) is None


def test_open_jobs_are_due_by_their_deadlines(ledger, story):
    ledger.record(
        story.accepted(1, 0, deadline=story.at(5000)),
        story.deferred(1, 1, until=600, deferrals=1),
        story.accepted(2, 0, deadline=story.at(3000)),
        story.released(2, 1),
        story.accepted(3, 0, deadline=story.at(1000)),
        story.released(3, 1),
        story.succeeded(3, 10, 20),
    )
    first, second = due_jobs(ledger.engine, story.region)
    assert (first.id, first.state, first.planned_at) == (story.job_id(2), State.READY, None)
    assert (second.state, second.planned_at) == (State.DEFERRED, story.at(600))
    assert second.deadline == story.at(5000)
    assert second.expected_duration_seconds == 300.0
    assert due_jobs(ledger.engine, story.region, limit=1) == [first]
    assert due_jobs(ledger.engine, "ELSEWHERE") == []


def test_a_replayed_job_is_due_by_its_new_deadline(ledger, story):
    ledger.record(
        story.accepted(1, 0),
        story.released(1, 1),
        story.failed(1, 2, 3),
        story.died(1, 4, 1),
        story.replayed(1, 5, 1, deadline=7000),
        story.released(1, 6, attempts=1),
    )
    (job,) = due_jobs(ledger.engine, story.region)
    assert job.deadline == story.at(7000)


def test_a_release_before_its_slot_is_early(ledger, story):
    ledger.record(
        *(story.accepted(job, 0) for job in (1, 2, 3)),
        story.deferred(1, 1, until=3000, deferrals=1),
        story.released(1, 600, deferrals=1),
        story.deferred(2, 1, until=3000, deferrals=1),
        story.released(2, 2999, deferrals=1),  # within its slot
        story.released(3, 10),  # never deferred
    )
    (early,) = early_releases(ledger.engine, story.region, story.at(0), 300.0)
    assert (early.job_id, early.decision.at, early.planned_at) == (
        story.job_id(1),
        story.at(600),
        story.at(3000),
    )
    assert early.job_type == "ml_training"
    assert early_releases(ledger.engine, story.region, story.at(601), 300.0) == []


def test_a_job_that_was_deferred_again_since_is_not_early(ledger, story):
    ledger.record(
        story.accepted(1, 0),
        story.deferred(1, 1, until=600, deferrals=1),
        story.released(1, 601, deferrals=1),
        story.deferred(1, 700, until=9000, deferrals=2),
    )
    assert early_releases(ledger.engine, story.region, story.at(0), 300.0) == []


def test_what_waits_is_counted_where_it_waits(ledger, story):
    ledger.record(
        *(story.accepted(job, job) for job in (1, 2, 3, 4)),
        story.deferred(1, 10, until=600, deferrals=1),
        story.deferred(2, 20, until=600, deferrals=1),
        story.released(3, 30),
    )
    submitted, deferred, ready = waiting_jobs(ledger.engine)
    assert (submitted.state, submitted.region, submitted.jobs) == (State.SUBMITTED, None, 1)
    assert (deferred.jobs, deferred.since) == (2, story.at(10))
    assert (ready.state, ready.region, ready.lane) == (State.READY, story.region, "normal")
    assert waiting_jobs(ledger.engine, "ELSEWHERE") == []


def test_the_latest_rejections_come_first(ledger, story):
    ledger.record(story.rejected(10), story.rejected(20), story.rejected(30))
    told = rejected_messages(ledger.engine, limit=2)
    assert [row.at for row in told] == [story.at(30), story.at(20)]
    assert told[0].reason == "type: required"


def test_forecasts_are_compared_with_what_came(ledger, story):
    """Hourly points that rise by 10; every forecast says that they stay."""
    hour = 3600.0
    ledger.record(
        *(
            story.intensity(
                hour * n,
                100.0 + 10 * n,
                period_seconds=hour,
                forecast=story.forecast(hour * n, *[100.0 + 10 * n] * 4, period=hour),
            )
            for n in range(10)
        ),
        *(story.accepted(job, hour * job + 1) for job in range(1, 9)),
    )
    review = forecast_review(ledger.engine, story.region, story.at(10 * hour))
    assert review is not None
    assert (review.forecasts, review.signal, review.source) == (10, Signal.MARGINAL, "watttime")
    assert review.until - review.since == timedelta(hours=9)
    found = {error.lead_seconds / hour: error for error in review.errors}
    assert list(found) == [1.0, 3.0]
    assert (found[1.0].points, found[3.0].points) == (9, 7)
    assert found[1.0].mean_absolute_g_per_kwh == pytest.approx(10.0)
    assert found[3.0].bias_g_per_kwh == pytest.approx(-30.0)
    assert not found[1.0].is_issued


def test_only_observed_points_of_the_present_kind_are_compared(ledger, story):
    ledger.record(
        story.intensity(0, 100.0, simulated=True, source="recorded_trace"),
        story.intensity(300, 100.0, forecast=story.forecast(300, 100.0, 90.0)),
        story.intensity(600, None),
    )
    review = forecast_review(ledger.engine, story.region, story.at(900))
    assert review is not None
    assert (review.since, review.until) == (story.at(300), story.at(300))
    assert (review.simulated, review.errors) == (False, ())
    assert forecast_review(ledger.engine, "ELSEWHERE", story.at(900)) is None


def test_a_history_told_at_once_takes_no_forecast_away(ledger, story):
    """A week before the start, told day by day, then 16 updates with forecasts: all 16 count."""
    day, period = 288, 300.0
    now = 7 * day * period
    ledger.record(
        *(story.revised(now + n / 10, n * day * period, [100.0] * day) for n in range(7)),
        *(
            story.intensity(
                now + period * n,
                100.0,
                told=now + period * n + 1,
                forecast=story.forecast(now + period * n, *[90.0] * 24),
            )
            for n in range(16)
        ),
    )
    review = forecast_review(ledger.engine, story.region, story.at(now + 16 * period))
    assert review is not None
    assert review.forecasts == 16
    assert review.until - review.since == timedelta(seconds=15 * period)


def test_the_instant_of_an_update_is_in_the_rank_of_its_reading(story):
    update = story.intensity(123.456, 100.0)
    assert told_at(f"3{last(update.at, update.id)}") == update.at


def test_a_ledger_that_does_not_answer_is_our_own_error(tmp_path, story):
    path = tmp_path / "gone.db"
    migrate(f"sqlite:///{path}")
    engine = open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE rejections")
    with pytest.raises(LedgerUnreachable):
        rejected_messages(engine)
    engine.dispose()

"""What people ask for: cancellations, replays, the audit; and what handlers say."""

from typing import Any

import pytest
from sqlalchemy import select

from shared.domain.jobs import State
from shared.errors import NotFound
from shared.ledger import reads
from shared.ledger.tables import jobs
from shared.messages import Action, Asked


def job(ledger: Any, story: Any) -> reads.JobStatus:
    return reads.job_status(ledger.engine, story.job_id(1))


def test_the_last_progress_wins(ledger: Any, story: Any) -> None:
    told = [
        story.started(1, 5),
        story.progressed(1, 5, 8, 0.2, message="epoch 2"),
        story.progressed(1, 5, 9, 0.4, message="epoch 4"),
    ]
    ledger.record(*reversed(told))
    assert job(ledger, story).progress == reads.Progress(0.4, "epoch 4", story.at(9))


def test_a_progress_without_a_number_has_its_words(ledger: Any, story: Any) -> None:
    ledger.record(story.progressed(1, 5, 8, None, message="warming up"))
    row = job(ledger, story)
    assert row.progress == reads.Progress(None, "warming up", story.at(8))
    assert row.state is State.RUNNING, "its start is yet to be told"
    assert row.started_at == story.at(5)


def test_progress_does_not_move_the_time_since_when_it_runs(ledger: Any, story: Any) -> None:
    ledger.record(story.progressed(1, 5, 8, 0.2), story.progressed(1, 5, 9, 0.4))
    with ledger.engine.connect() as connection:
        assert connection.scalars(select(jobs.c.state_at)).all() == [story.at(5)]


def test_progress_is_kept_between_pieces_and_dropped_by_a_failure(ledger: Any, story: Any) -> None:
    ledger.record(story.started(1, 5), story.progressed(1, 5, 8, 0.2))
    ledger.record(story.paused(1, 5, 9, left=7.0))
    assert job(ledger, story).progress is not None
    ledger.record(story.deferred(1, 10, until=60, deferrals=1, piece=2))
    assert job(ledger, story).progress is not None
    ledger.record(story.started(1, 60, piece=2), story.failed(1, 60, 61, piece=2))
    ledger.record(story.retried(1, 62, 1, until=70))
    assert job(ledger, story).progress is None
    ledger.record(story.released(1, 71, attempts=1, deferrals=1), story.started(1, 72, attempt=2))
    assert job(ledger, story).progress is None
    ledger.record(story.progressed(1, 72, 73, 0.1, attempt=2))
    assert job(ledger, story).progress == reads.Progress(0.1, None, story.at(73))


def test_a_finished_job_has_no_progress(ledger: Any, story: Any) -> None:
    ledger.record(story.started(1, 5), story.progressed(1, 5, 8, 0.9), story.succeeded(1, 5, 9))
    assert job(ledger, story).progress is None


def test_progress_replaces_itself_and_fills_no_history(ledger: Any, story: Any) -> None:
    ledger.record(*(story.progressed(1, 5, 8 + n, n / 10) for n in range(5)))
    assert reads.recent_events(ledger.engine) == []


def test_a_job_cancelled_while_it_waits_has_used_nothing(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.deferred(1, 1, until=600, deferrals=1))
    ledger.record(story.cancelled(1, 50))
    row = job(ledger, story)
    assert (row.state, row.cancelled_by, row.cancel_reason) == (
        State.CANCELLED,
        "ana",
        "not needed",
    )
    assert (row.finished_at, row.attempts, row.pieces) == (story.at(50), 0, ())
    assert (row.energy_kwh, row.emissions_g, row.error) == (None, None, None)


def test_the_energy_of_an_attempt_that_was_cut_counts(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 300.0),
        story.accepted(1, 10),
        story.started(1, 20),
        story.cut(1, 20, 120, energy_kwh=2.0),
    )
    row = job(ledger, story)
    assert (row.state, row.attempts, row.finished_at) == (State.CANCELLED, 1, story.at(120))
    assert (row.energy_kwh, row.wasted_kwh) == (2.0, 2.0)
    assert (row.emissions_g, row.baseline_g, row.avoided_g) == (600.0, 0.0, -600.0)
    found = reads.statistics(ledger.engine, story.at(130))
    assert (found.emissions_g, found.energy_kwh, found.jobs.cancelled) == (600.0, 2.0, 1)


def test_a_job_cancelled_before_it_ran_leaves_the_sums_known(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 300.0),
        story.accepted(1, 10),
        story.succeeded(1, 20, 80),
        story.accepted(2, 10),
        story.cancelled(2, 30),
    )
    found = reads.statistics(ledger.engine, story.at(90))
    assert (found.emissions_g, found.unknown_jobs, found.processed) == (300.0, 0, 1)


def test_a_failed_job_that_expired_counts_what_it_used(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 300.0), story.accepted(1, 10), story.failed(1, 20, 80))
    ledger.record(story.expired(1, 90, attempts=1))
    assert reads.statistics(ledger.engine, story.at(99)).energy_kwh == 1.0


def test_a_job_that_finished_all_the_same_is_not_cancelled(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.cancelled(1, 50), story.succeeded(1, 10, 55))
    row = job(ledger, story)
    assert (row.state, row.cancelled_by) == (State.SUCCEEDED, None)


def test_the_first_of_two_cancellations_counts(ledger: Any, story: Any) -> None:
    ledger.record(story.cancelled(1, 60, by="bob"))
    ledger.record(story.cancelled(1, 50), story.cancelled(1, 70, by=None))
    row = job(ledger, story)
    assert (row.cancelled_by, row.finished_at) == ("ana", story.at(50))


def dead(story: Any) -> list[Any]:
    return [
        story.intensity(0, 400.0),
        *(story.intensity(300 * n, 200.0) for n in range(1, 9)),
        story.accepted(1, 0),
        story.started(1, 10),
        story.paused(1, 10, 60, left=100.0, energy_kwh=0.25),
        story.failed(1, 70, 100, piece=2, energy_kwh=0.5),
        story.died(1, 101, 1),
    ]


def test_a_replayed_job_begins_anew_with_its_history(ledger: Any, story: Any) -> None:
    ledger.record(*dead(story), story.replayed(1, 1000, attempts=1, deadline=9000))
    row = job(ledger, story)
    assert (row.state, row.attempts, row.error) == (State.SUBMITTED, 1, "no attempt is left")
    assert (row.replayed_at, row.deadline) == (story.at(1000), story.at(9000))
    assert (row.finished_at, row.energy_kwh, row.avoided_g) == (None, None, None)
    assert len(row.pieces) == 2


def test_a_replay_is_a_new_submission_for_the_baseline(ledger: Any, story: Any) -> None:
    ledger.record(*dead(story), story.replayed(1, 1000, attempts=1))
    ledger.record(story.released(1, 1001, attempts=1), story.started(1, 1010, attempt=2))
    ledger.record(story.succeeded(1, 1010, 1110, attempt=2, energy_kwh=1.0))
    row = job(ledger, story)
    assert (row.state, row.attempts, row.error) == (State.SUCCEEDED, 2, None)
    assert row.deadline == story.at(86_400), "it keeps its own where the replay names none"
    assert row.energy_kwh == pytest.approx(1.75)
    assert row.wasted_kwh == pytest.approx(0.75), "what came before the replay came to nothing"
    assert row.baseline_g == pytest.approx(200.0), "at the replay, not at the first submission"
    assert row.emissions_g == pytest.approx(0.75 * 400 + 200.0)


def test_a_job_may_die_again_and_be_replayed_again(ledger: Any, story: Any) -> None:
    ledger.record(*dead(story), story.replayed(1, 1000, attempts=1))
    ledger.record(story.failed(1, 1010, 1020, attempt=2), story.died(1, 1021, 2))
    assert job(ledger, story).state is State.DEAD
    ledger.record(story.replayed(1, 1100, attempts=2))
    assert job(ledger, story).state is State.SUBMITTED


def test_the_audit_says_who_asked_for_what(ledger: Any, story: Any) -> None:
    pause, cancel = story.taken(30, Action.PAUSE), story.taken(10, Action.CANCEL, job=1)
    replay, submit = story.replayed(1, 20, attempts=1), story.taken(2, Asked.SUBMIT, job=1)
    ledger.record(pause, replay, cancel, cancel, submit)
    found = reads.audit(ledger.engine, story.at(0))
    assert [(row.at, row.action, row.by) for row in found] == [
        (story.at(2), "submit", "ana"),
        (story.at(10), "cancel", "ana"),
        (story.at(20), "replay", "ana"),
        (story.at(30), "pause", "ana"),
    ]
    assert (found[3].scope, found[3].job_id) == ("everything", None)
    assert reads.audit(ledger.engine, story.at(21)) == found[3:]
    assert reads.audit_of_job(ledger.engine, story.job_id(1)) == found[:3]


def test_of_an_unknown_job_there_is_no_audit(ledger: Any, story: Any) -> None:
    for read in (reads.audit_of_job, reads.attempts):
        with pytest.raises(NotFound):
            read(ledger.engine, story.job_id(9))

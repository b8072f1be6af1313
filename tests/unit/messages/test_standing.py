"""What was asked for and still holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority, replayed
from shared.messages import (
    CancelJob,
    PauseWork,
    ResumeWork,
    RunJobNow,
    SetEco,
    Standing,
    asker,
    scope_words,
    standing,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB_ID = UUID(int=7)


def head(by="ana"):
    return {"id": uuid4(), "at": NOW, "by": by}


def a_job(job_id):
    deadline = NOW + timedelta(hours=1)
    return Job(job_id, "t", Priority.NORMAL, Band.LOW, NOW, deadline, 600.0, ("R",))


def after(*asked):
    held = Standing()
    for each in asked:
        held.take(each)
    return held


def test_a_cancellation_holds_for_its_job_and_for_no_other():
    asked = CancelJob(**head(), job_id=JOB_ID)
    held = after(asked)
    assert held.cancelled(JOB_ID) == asked
    assert held.cancelled(UUID(int=8)) is None


def test_the_first_who_called_a_job_off_is_the_one_who_did():
    first, second = (CancelJob(**head(by), job_id=JOB_ID) for by in ("ana", "ben"))
    assert after(first, second).cancelled(JOB_ID).by == "ana"


def test_past_the_bound_the_oldest_cancellation_is_forgotten(monkeypatch):
    monkeypatch.setattr(standing, "MOST_CANCELLATIONS", 2)
    held = after(*(CancelJob(**head(), job_id=UUID(int=n)) for n in (1, 2, 3)))
    assert [held.cancelled(UUID(int=n)) is not None for n in (1, 2, 3)] == [False, True, True]


@pytest.mark.parametrize(
    ("job_type", "region", "type_in_r", "region_r"),
    [
        ("t", None, True, False),
        ("t", "R", True, False),
        ("t", "S", False, False),
        ("u", None, False, False),
        (None, "R", False, True),
        (None, None, False, True),
        (None, "S", False, False),
    ],
)
def test_a_pause_reaches_its_scope_alone(job_type, region, type_in_r, region_r):
    held = after(PauseWork(**head(), job_type=job_type, region=region))
    assert (held.pause_of_type("t", "R") is not None) is type_in_r
    assert (held.pause_of_region("R") is not None) is region_r


def test_a_resume_ends_the_pause_of_exactly_its_scope():
    held = after(
        PauseWork(**head(), job_type="t"),
        PauseWork(**head(), job_type="t", region="R"),
        ResumeWork(**head(), job_type="t"),
    )
    assert held.pause_of_type("t", "S") is None
    assert held.pause_of_type("t", "R") is not None


def test_a_resume_of_everything_ends_every_pause():
    held = after(
        PauseWork(**head()),
        PauseWork(**head(), job_type="t"),
        PauseWork(**head(), region="R"),
        ResumeWork(**head()),
    )
    assert held.pause_of_type("t", "R") is None
    assert held.pause_of_region("R") is None


def test_past_the_bound_the_oldest_pause_is_forgotten(monkeypatch):
    monkeypatch.setattr(standing, "MOST_PAUSES", 1)
    held = after(PauseWork(**head(), job_type="t"), PauseWork(**head(), job_type="u"))
    assert held.pause_of_type("t", "R") is None
    assert held.pause_of_type("u", "R") is not None


def test_the_eco_mode_is_off_until_its_time_or_until_it_is_switched_on():
    until = NOW + timedelta(hours=1)
    held = after(SetEco(**head(), on=False, until=until))
    assert held.eco_off(NOW).until == until
    assert held.eco_off(until) is None
    held.take(SetEco(**head(), on=False))
    assert held.eco_off(until) is not None
    held.take(SetEco(**head(), on=True))
    assert held.eco_off(NOW) is None


def test_a_wish_to_run_a_job_now_is_known_by_its_job(monkeypatch):
    monkeypatch.setattr(standing, "MOST_WANTED_NOW", 1)
    job, other = a_job(JOB_ID), a_job(UUID(int=8))
    held = after(RunJobNow(**head(), job_id=job.id))
    assert held.wanted_now(job).by == "ana"
    assert held.wanted_now(other) is None
    held.take(RunJobNow(**head(), job_id=other.id))
    assert held.wanted_now(job) is None, "past the bound the oldest is forgotten"


def test_a_wish_of_before_a_replay_was_for_the_run_that_died():
    asked = RunJobNow(**head(), job_id=JOB_ID)
    again = replayed(replace(a_job(JOB_ID), attempts=3), NOW + timedelta(minutes=1))
    held = after(asked)
    assert held.wanted_now(again) is None
    held.take(asked.model_copy(update={"id": UUID(int=9), "at": again.submitted_at}))
    assert held.wanted_now(again).id == UUID(int=9)


names = st.sampled_from([None, "a", "b"])
controls = st.one_of(
    st.builds(lambda n: CancelJob(**head(), job_id=UUID(int=n)), st.integers(1, 3)),
    st.builds(lambda t, r: PauseWork(**head(), job_type=t, region=r), names, names),
    st.builds(lambda t, r: ResumeWork(**head(), job_type=t, region=r), names, names),
    st.builds(lambda on: SetEco(**head(), on=on), st.booleans()),
)


@given(st.lists(controls, max_size=12))
def test_reading_the_whole_log_again_ends_at_the_same(log):
    once, twice = after(*log), after(*log, *log)
    for region in ("a", "b"):
        one, two = (each.pause_of_region(region) for each in (once, twice))
        assert (one is None) == (two is None)
        for job_type in ("a", "b"):
            one, two = (each.pause_of_type(job_type, region) for each in (once, twice))
            assert (one is None) == (two is None)
    assert (once.eco_off(NOW) is None) == (twice.eco_off(NOW) is None)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (PauseWork(**head()), "everything"),
        (PauseWork(**head(), region="R"), "everything in R"),
        (ResumeWork(**head(), job_type="t", region="R"), "job type t in R"),
        (SetEco(**head(), on=False, until=NOW), "eco mode off until 2026-03-01T12:00:00+00:00"),
        (SetEco(**head(), on=True), "eco mode on"),
        (CancelJob(**head(), job_id=JOB_ID), f"job {JOB_ID}"),
    ],
)
def test_what_an_order_reaches_is_said_in_words(asked, words):
    assert scope_words(asked) == words


def test_who_asked_is_named_where_they_named_themselves():
    assert asker(PauseWork(**head())) == " by ana"
    assert asker(PauseWork(**head(None))) == ""

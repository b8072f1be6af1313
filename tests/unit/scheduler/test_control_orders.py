"""What people asked for, folded."""

import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler import control
from shared.domain.jobs import replayed
from shared.domain.reasons import Order
from shared.messages import PauseWork, ResumeWork, RunJobNow

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "asking.py")))
NOW, job, asked, orders = HERE.NOW, HERE.job, HERE.asked, HERE.orders


@pytest.mark.parametrize(
    ("pauses", "open_regions"),
    [
        ([], ("R", "S")),
        ([{"region": "R"}], ("S",)),
        ([{"job_type": "t", "region": "R"}], ("S",)),
        ([{"job_type": "u"}], ("R", "S")),
        ([{"region": "R"}, {"job_type": "t", "region": "S"}], ()),
        ([{"job_type": "t"}], ()),
        ([{}], ()),
    ],
)
def test_a_job_is_held_back_only_where_all_of_its_regions_are_paused(pauses, open_regions):
    known = orders(*(asked(PauseWork, **scope) for scope in pauses))
    assert known.open_regions(job()) == open_regions
    assert (known.pause_of(job()) is None) == bool(open_regions)


def test_a_pause_is_told_with_its_scope_its_time_and_its_author():
    known = orders(asked(PauseWork, job_type="t", region="R"), asked(PauseWork, region="S"))
    assert known.pause_of(job()) == Order(NOW, "ana", "job type t in R")
    assert len(known.pauses()) == 2


def test_a_job_without_a_region_is_not_paused():
    assert orders(asked(PauseWork)).pause_of(job(regions=())) is None


def test_a_pause_is_stronger_than_an_order_to_run_which_holds_when_it_ends():
    known = orders(asked(RunJobNow, job_id=job().id), asked(PauseWork, job_type="t"))
    assert known.asked_to_run(job()) is None
    assert not known.ends_backoff(job())
    known.take(asked(ResumeWork, job_type="t"))
    assert known.asked_to_run(job()).by == "ana"
    assert known.ends_backoff(job())


def test_an_order_to_run_ends_one_backoff_and_not_those_of_later_failures():
    order = asked(RunJobNow, job_id=job().id)
    known = orders(order)
    known.followed(job(attempts=1))
    assert known.ends_backoff(job(attempts=1)), "a second copy of the same message"
    assert not known.ends_backoff(job(attempts=2))
    assert known.asked_to_run(job(attempts=2)) is order, "the grid does not count any more"
    known.take(order)
    assert not known.ends_backoff(job(attempts=2)), "heard twice, it is one order"
    known.take(asked(RunJobNow, job_id=job().id))
    assert known.ends_backoff(job(attempts=2)), "a new one is a new one"


def test_an_order_of_before_its_replay_does_not_bear_on_a_job():
    old = asked(RunJobNow, job_id=job().id)
    known = orders(old)
    known.followed(job())
    again = replayed(job(attempts=4), NOW + timedelta(days=3))
    assert known.asked_to_run(again) is None, "the grid decides again"
    assert not known.ends_backoff(again)
    new = asked(RunJobNow, job_id=job().id).model_copy(update={"at": again.submitted_at})
    known.take(new)
    assert known.asked_to_run(again) is new
    assert known.ends_backoff(again)


def test_an_order_may_come_before_the_submission_that_it_is_about_has_passed_the_door():
    known = orders(asked(RunJobNow, job_id=job().id))
    accepted_later = replace(job(), submitted_at=NOW + timedelta(minutes=5))
    assert known.asked_to_run(accepted_later) is not None


@given(st.lists(st.integers(0, 30), max_size=80))
def test_the_memory_of_orders_to_run_is_bounded(numbers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control, "MOST_ASKED", 10)
        known = orders(*(asked(RunJobNow, job_id=UUID(int=number)) for number in numbers))
    assert len(known._asked) <= 10
    if numbers:
        assert known.asked_to_run(job(numbers[-1])) is not None

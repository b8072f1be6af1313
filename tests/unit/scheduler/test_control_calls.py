"""Which waiting jobs a leader calls out of their slots for what was asked."""

import asyncio
import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid5

import pytest

from services.scheduler.control import Orders
from services.scheduler.control_calls import MOST_LOOKS, Calls
from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.placing import Placing, decision_id
from services.scheduler.plan import Plan, Waiting
from services.scheduler.replan import Replan
from shared.domain.decisions import Rules
from shared.domain.grid import Grid
from shared.domain.timetable import Wheel
from shared.messages import CancelJob, PauseWork, QueuedJob, ResumeWork, RunJobNow

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "asking.py")))
NOW, job, asked, orders = HERE.NOW, HERE.job, HERE.asked, HERE.orders
WHEEL = Wheel(300.0, 288)
SLOT = WHEEL.slot_at(NOW.timestamp())


class Told:
    """Keeps the events instead of publishing them."""

    def __init__(self):
        self.events = []

    async def event(self, event):
        self.events.append(event)


def leader(*messages, waiting=()):
    known, plan = orders(*messages), Plan(WHEEL)
    for each in waiting:
        plan.add(each)
    told = Told()
    return Calls(known, plan, told, lambda: NOW), known, plan, told


def on_the_wheel(the_job, ahead=5, **fields):
    return Waiting(the_job, "R", SLOT + ahead, SLOT + ahead, **fields)


def hear(calls, known, message):
    known.take(message)
    calls.hear(message)


def called(calls):
    return {slot - SLOT: {id_.int for id_ in ids} for slot, ids in calls.take().items()}


def load(plan):
    views = plan.timetable.views(Grid.unknown("R"), SLOT)
    return sum(view.load_seconds for view in views)


def test_an_order_about_a_job_calls_just_that_job():
    waiting = [on_the_wheel(job(1)), on_the_wheel(job(2)), on_the_wheel(job(3), 9)]
    calls, known, _, _ = leader(waiting=waiting)
    hear(calls, known, asked(CancelJob, job_id=job(1).id))
    hear(calls, known, asked(RunJobNow, job_id=job(3).id))
    hear(calls, known, asked(RunJobNow, job_id=job(4).id))
    assert called(calls) == {5: {1}, 9: {3}}


async def test_a_pause_frees_the_room_of_its_jobs_and_a_resume_calls_them():
    waiting = [on_the_wheel(job(1)), on_the_wheel(job(2, "u"))]
    calls, known, plan, told = leader(waiting=waiting)
    before = load(plan)
    pause = asked(PauseWork, job_type="t")
    hear(calls, known, pause)
    assert load(plan) == before / 2
    assert called(calls) == {}
    hear(calls, known, asked(ResumeWork, job_type="u"))
    assert called(calls) == {}
    hear(calls, known, asked(ResumeWork))
    assert called(calls) == {5: {1}}
    await calls.tell_all()
    assert [event.scope for event in told.events] == ["job type t", "job type u", "everything"]
    assert told.events[0].id == uuid5(pause.id, "scheduler")


async def test_a_paused_job_that_is_asked_for_stays_and_that_is_told():
    calls, known, _, told = leader(waiting=[on_the_wheel(job(), paused=True)])
    known.take(asked(PauseWork))
    hear(calls, known, asked(RunJobNow, job_id=job().id))
    assert called(calls) == {}
    await calls.tell_all()
    (event,) = told.events
    assert event.scope == f"job {job().id}: it runs when the pause of everything ends"


async def test_the_pauses_that_a_leader_takes_over_are_told_once():
    calls, _, _, told = leader(asked(PauseWork, region="R"))
    await calls.tell_all()
    await calls.tell_all()
    assert [(event.action, event.scope) for event in told.events] == [("pause", "everything in R")]


async def test_a_job_that_is_not_found_is_looked_for_a_few_times_and_then_let_be():
    calls, known, plan, _ = leader(waiting=[on_the_wheel(job())])
    woken = []
    calls.wake = lambda: woken.append(True)
    hear(calls, known, asked(CancelJob, job_id=job().id))
    looks = 0
    while found := calls.take():
        looks += 1
        calls.looked(found[SLOT + 5])
    assert looks == MOST_LOOKS
    hear(calls, known, asked(CancelJob, job_id=job().id))
    found = calls.take()[SLOT + 5]
    plan.remove(job().id)
    calls.looked(found)
    assert calls.take() == {}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (asked(CancelJob, job_id=job().id), {5: {1}}),
        (asked(RunJobNow, job_id=job().id), {5: {1}}),
        (asked(PauseWork, job_type="t"), {}),
    ],
)
def test_an_order_that_came_while_a_job_was_on_its_way_into_its_slot_counts(message, expected):
    waiting = on_the_wheel(job())
    calls, known, plan, _ = leader(waiting=[waiting])
    known.take(message)
    calls.placed(waiting)
    assert called(calls) == expected
    assert plan.get(job().id).paused == isinstance(message, PauseWork)


def test_a_resume_that_came_while_a_job_was_being_held_back_counts():
    waiting = Waiting(job(), "R", SLOT + 5, None, paused=True)
    calls, _, _, _ = leader(waiting=[waiting])
    calls.placed(waiting)
    assert called(calls) == {5: {1}}
    other = Waiting(job(), "R", SLOT + 6, SLOT + 6)
    calls.placed(other)  # it was moved on meanwhile: the plan has another place for it
    assert called(calls) == {5: {1}}


def test_an_order_to_run_leaves_a_later_backoff_alone():
    retry = on_the_wheel(job(attempts=2), not_before=NOW + timedelta(hours=1))
    calls, known, _, _ = leader(asked(RunJobNow, job_id=job().id), waiting=[retry])
    assert calls.concerns(retry)
    known.followed(job(attempts=1))
    assert not calls.concerns(retry)


async def test_a_wait_ends_with_its_time_or_with_an_order_about_the_job():
    calls, known, _, _ = leader()
    waits = [asyncio.ensure_future(calls.wait_out(job(n).id, 30)) for n in (1, 2)]
    await asyncio.sleep(0)
    hear(calls, known, asked(CancelJob, job_id=job(1).id))
    async with asyncio.timeout(5):
        await waits[0]
    assert not waits[1].done()
    waits[1].cancel()
    await asyncio.gather(waits[1], return_exceptions=True)
    await calls.wait_out(job(3).id, 0.01)
    assert calls._holding == {}, "nothing is left of those who waited"


def test_what_is_paused_is_not_replanned_and_a_paused_region_is_no_way_out():
    plan = Plan(WHEEL)
    plan.add(on_the_wheel(job(1, regions=("X",))))
    plan.pause(job(1).id)
    plan.pause(job(9).id)
    seen = []

    class Watched:
        def at(self, region, now):
            seen.append(region)
            return Grid.unknown(region)

    plan.add(on_the_wheel(job(2)))
    known = orders(asked(PauseWork, region="R"))
    replan = Replan(plan, Watched(), NOW, Rules(), lambda r, s: s, known.open_regions)
    for _ in replan.steps(only_to_run=False):
        pass
    assert seen == ["S"]


def test_each_piece_of_an_attempt_has_decisions_of_its_own():
    first = decision_id(job().id, "released", 0, 1)
    assert decision_id(job().id, "released", 0, 1, 1) == first
    assert decision_id(job().id, "released", 0, 1, 2) != first


class Interrupted(Told):
    """A way out on which an order overtakes the job that is being put into its slot."""

    def __init__(self):
        super().__init__()
        self.meanwhile = lambda: None

    async def defer(self, queued, place):
        self.meanwhile()


@pytest.mark.parametrize("kind", [CancelJob, RunJobNow])
async def test_an_order_that_overtakes_its_job_on_the_way_to_its_slot_is_not_missed(kind):
    known, plan, way_out = Orders(), Plan(WHEEL), Interrupted()
    calls = Calls(known, plan, way_out, lambda: NOW)
    placing = Placing(Grids(), Fleet(), plan, Rules(), way_out, lambda: NOW, known, calls)
    order = asked(kind, job_id=job().id)

    def overtake():
        hear(calls, known, order)
        for called_there in calls.take().values():  # looked for before the broker has it
            for _ in range(MOST_LOOKS):
                calls.looked(called_there)

    way_out.meanwhile = overtake
    retry = QueuedJob(job=job(), not_before=NOW + timedelta(hours=1))
    await placing.place(retry)
    assert [set(ids) for ids in calls.take().values()] == [{job().id}]

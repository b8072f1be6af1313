"""Every way to end, against every way to be asked: the job goes on in exactly one way."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker_pool.attempts import Attempts
from services.worker_pool.endings import (
    AskedAgain,
    Broke,
    Cut,
    Refused,
    Returned,
    Yielded,
    ending_of,
)
from services.worker_pool.outcomes import Ended
from services.worker_pool.running import Attempt, RunningAttempt
from shared.domain.energy import Energy
from shared.domain.savings import EnergyMethod
from shared.handlers import Handler, StopReason
from shared.messages import Finished, JobCancelled, decode_event, encode

ENDINGS = (
    Returned(1),
    Broke("no disk"),
    Refused("no such table"),
    AskedAgain("busy", None, counts=True),
    AskedAgain("busy", 5.0, counts=False),
    Yielded(),
    Cut(),
)
ASKED = (None, *StopReason)
USED = Energy(0.5, EnergyMethod.MEASURED)


async def settled(pool, job, ending, reason, *, cut=False, over_limit=False):
    handler = Handler("t", lambda payload: None, takes_context=False)
    attempts = Attempts({}, pool.out, None, pool.clock, lambda: 0.0)
    running = RunningAttempt(Attempt(job, "pool", "R", pool.clock()))
    running.was_cut, running.over_limit = cut, over_limit
    if reason is not None:
        running.stop.ask(reason, "ada", "because")
    ended = Ended(running, pool.clock(), USED)
    await attempts._settle(replace(handler, timeout_seconds=9), ended, ending)
    return pool.out


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("over_limit", [False, True])
@pytest.mark.parametrize(
    ("ending", "reason"),
    list(itertools.product(ENDINGS, ASKED)),
    ids=lambda value: getattr(value, "kind", None) or str(value),
)
async def test_a_job_goes_on_in_exactly_one_way(pool, job, queued, ending, reason, cut, over_limit):
    item = queued(job(retries=1))
    out = await settled(pool, item, ending, reason, cut=cut, over_limit=over_limit)
    ways = {
        "done": out.names().count("JobSucceeded"),
        "cancelled": out.names().count("JobCancelled"),
        "retried": len(out.retried),
        "dead": len(out.died),
        "resumed": len(out.resumed),
    }
    assert sum(ways.values()) == 1, ways
    accounts = [e for e in out.events if isinstance(e, Finished | JobCancelled)]
    assert len(accounts) == 1, "its energy is told once"
    assert (accounts[0].energy_kwh, accounts[0].energy_method) == (0.5, EnergyMethod.MEASURED)
    if reason is StopReason.CANCEL and not isinstance(ending, Returned):
        assert ways["cancelled"], "what was called off never runs again"
    if reason is not StopReason.CANCEL:
        assert not ways["cancelled"], "nor is anything called off that nobody called off"


@pytest.mark.parametrize("ending", [Broke("no disk"), AskedAgain("busy", None, counts=True)])
async def test_without_retries_left_it_is_dead(pool, job, queued, ending):
    out = await settled(pool, queued(job(retries=0)), ending, None)
    assert len(out.died) == 1


@given(st.text(st.characters(codec=None), max_size=2000))
def test_whatever_an_exception_says_can_be_sent(text):
    ending = ending_of(ValueError(text))
    assert len(ending.error) <= 500
    assert "\n" not in ending.error
    ending.error.encode()
    ending.traceback.encode()


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


async def test_an_exception_that_cannot_say_what_it_is_fails_its_attempt(pool):
    async def work(payload, context):
        raise Speechless

    out = await pool.run(work)
    assert out.events[1].error == "Speechless: its text cannot be read"


async def test_halves_of_characters_do_not_break_the_outcome(pool):
    async def work(payload, context):
        context.progress(0.5, "file \udc80")
        raise ValueError("file \udc80")

    out = await pool.run(work)
    assert [decode_event(encode(event)) for event in out.events] == out.events

"""`pause`, `resume`, `eco`: lines, JSON and exit codes, without a broker; and who answers."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from services.cli import control_asking
from services.cli.control_asking import Answers, first_event, gather_answers, user_at_host
from shared.errors import BrokerUnreachable
from shared.messages import (
    JobCancelled,
    PauseWork,
)
from shared.runtime import system_clock

SAVER = "aaaaaaaa-0000-4000-8000-000000000001"
WAITER = "bbbbbbbb-0000-4000-8000-000000000002"
LOSER = "cccccccc-0000-4000-8000-000000000003"
REGION = "CAISO_NORTH"


def test_pause_says_who_heard_it(cli, broker, taken):
    pools = ("a:R", "b:R")
    broker.answer = lambda asked: [*(taken(asked, who) for who in (*pools, "scheduler", "a:R"))]
    result = cli("pause", "ml_training", "--region", REGION, "--by", "ana")
    assert result.stdout == (
        f"job type ml_training in {REGION} is paused, what runs goes on; heard by the scheduler "
        "and 2 pools\n"
    )
    (order,) = broker.orders
    assert (order.job_type, order.region, order.by) == ("ml_training", REGION, "ana")


def test_resume_of_everything_as_json(cli, broker, taken):
    broker.answer = lambda asked: [taken(asked), taken(asked, "b:R"), taken(asked, "a:R")]
    told = json.loads(cli("resume", "--json", "--by", "ana").stdout)
    assert told == {
        "action": "resume",
        "scope": "everything",
        "by": "ana",
        "done": True,
        "scheduler": True,
        "pools": ["a:R", "b:R"],
        "message": "everything goes on; heard by the scheduler and 2 pools",
    }


def test_pools_alone_do_not_pause_what_waits(cli, broker, taken):
    broker.answer = lambda asked: [taken(asked, "a:R")]
    result = cli("pause", "--wait-timeout", "0.05s")
    assert result.exit_code == 124
    assert result.stderr.startswith("error: no scheduler has answered within ")


def test_eco_is_the_pools_business_alone(cli, broker, taken):
    broker.answer = lambda asked: [taken(asked, "a:R")]
    result = cli("eco", "off", "--until", "2h")
    assert result.stdout.startswith("eco mode is off until ")
    assert result.stdout.endswith("UTC: every pool has its base capacity; heard by 1 pool\n")
    (order,) = broker.orders
    assert order.on is False
    assert (order.until - order.at).total_seconds() == pytest.approx(7200, abs=5)
    on = cli("eco", "on")
    assert on.stdout == "eco mode is on: capacity follows the grid; heard by 1 pool\n"
    broker.answer = lambda asked: []
    assert cli("eco", "on", "--wait-timeout", "0.05s").exit_code == 124


def test_an_order_that_is_not_awaited_says_what_was_asked(cli, broker):
    assert cli("pause", "t", "--no-wait").stdout == "asked: pause job type t\n"
    assert cli("eco", "on", "--no-wait").stdout == "asked: eco mode on\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (
            ("pause", "t", "--region", "MARS"),
            f"--region: 'MARS' is not served here; use one of {REGION}",
        ),
        (("pause", "two words"), "TYPE: string should match pattern"),
        (("pause", "--by", ""), "--by: give a name of 1 to 200 characters"),
        (("eco", "on", "--until", "2h"), "--until: goes with `off`"),
        (("eco", "off", "--until", "soon"), "--until: 'soon' is no"),
        (("eco", "maybe"), "'maybe' is not one of"),
        (("cancel", WAITER, "--wait-timeout", "x"), "--wait-timeout: 'x' is no duration"),
    ],
)
def test_wrong_usage_is_exit_2_names_the_option_and_asks_nothing(cli, broker, arguments, hint):
    result = cli(*arguments)
    assert (result.exit_code, broker.orders) == (2, [])
    assert hint in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_broker_it_is_exit_69(cli, filled_ledger, monkeypatch):
    monkeypatch.setenv("AMQP_URL", "amqp://127.0.0.1:1/")
    for command in (("cancel", WAITER), ("pause", "t"), ("eco", "on")):
        result = cli(*command)
        assert result.exit_code == BrokerUnreachable.exit_code == 69


def an_ending():
    return JobCancelled(
        id=uuid4(), at=system_clock(), job_id=UUID(WAITER), by="ana", reason="asked"
    )


def an_order():
    return PauseWork(id=uuid4(), at=system_clock(), by="ana", job_type="t")


def test_only_answers_to_this_very_order_count(taken):
    asked, other = an_order(), an_order()
    answers = Answers()
    assert not answers.take(asked, an_ending())
    assert not answers.take(asked, taken(other))
    assert not answers.take(asked, taken(other, "a:R"))
    assert (answers.scheduler, answers.pools) == (None, [])
    assert answers.take(asked, taken(asked, "host-1: with a colon:R")) is False
    assert answers.take(asked, taken(asked, "a:R"))
    assert answers.take(asked, taken(asked))


async def test_pools_get_a_moment_after_the_scheduler(monkeypatch, taken):
    monkeypatch.setattr(control_asking, "POOLS_ANSWER_SECONDS", 0.05)
    asked, events = an_order(), asyncio.Queue()
    for event in (taken(asked), taken(asked, "a:R")):
        events.put_nowait(event)
    answers = await gather_answers(events.get, asked, 5, of_scheduler=True)
    assert answers.pools == ["a:R"]
    assert await first_event(events.get, lambda event: True, 0.01) is None


def test_a_user_without_a_name_is_a_number(monkeypatch):
    assert "@" in user_at_host()

    def nameless():
        raise KeyError("no such uid")

    monkeypatch.setattr(control_asking.getpass, "getuser", nameless)
    assert user_at_host().startswith("uid ")

"""`cancel`, `run-now`, `pause`, `resume`, `eco`: lines, JSON and exit codes, without a broker."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4, uuid5

import pytest

from services.cli import control_asking, control_jobs, control_work, job_lookup
from services.cli.control_asking import Answers, first_event, gather_answers, user_at_host
from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import Lane, State
from shared.domain.reasons import Cause, Numbers
from shared.errors import BrokerUnreachable
from shared.messages import (
    ControlTaken,
    JobCancelled,
    JobDied,
    JobReleased,
    JobStarted,
    JobSucceeded,
    PauseWork,
    RunJobNow,
    action_of,
    scope_words,
)
from shared.runtime import system_clock

SAVER = "aaaaaaaa-0000-4000-8000-000000000001"
WAITER = "bbbbbbbb-0000-4000-8000-000000000002"
LOSER = "cccccccc-0000-4000-8000-000000000003"
REGION = "CAISO_NORTH"


class FakeBroker:
    """Takes orders, and answers each with the events that a test wants."""

    def __init__(self):
        self.orders = []
        self.answer = lambda asked: []
        self._events = None

    async def send(self, places, asked):
        self.orders.append(asked)
        for event in self.answer(asked):
            self._events.put_nowait(event)

    @asynccontextmanager
    async def live_events(self, places):
        self._events = asyncio.Queue()  # a queue belongs to the loop of one command
        yield self._events.get


@pytest.fixture
def broker(filled_ledger, monkeypatch):
    fake = FakeBroker()
    for module in (control_jobs, control_work):
        monkeypatch.setattr(module, "live_events", fake.live_events)
        monkeypatch.setattr(module, "send_control", fake.send)
    monkeypatch.setattr(job_lookup, "LOOK_UP_SECONDS", 0.001)
    return fake


def head(job_id=WAITER):
    return {"id": uuid4(), "at": system_clock(), "job_id": UUID(job_id)}


def attempt():
    return {"attempt": 2, "pool": "p:R", "region": "R", "started_at": system_clock()}


def cancelled(**fields):
    return JobCancelled(**head(), by="ana", reason="asked", **fields)


def succeeded(job_id=WAITER):
    energy = {"energy_kwh": None, "energy_method": None, "finished_at": system_clock()}
    return JobSucceeded(**head(job_id), **attempt(), **energy)


def released(cause=Cause.ASKED, reason="ana asked to run it now"):
    numbers = Numbers(REGION, Band.HIGH, Band.LOW, system_clock(), Freshness.LIVE, *[None] * 6)
    return JobReleased(
        **head(),
        cause=cause,
        reason=reason,
        numbers=numbers,
        attempts=0,
        deferrals=1,
        region=REGION,
        lane=Lane.URGENT,
    )


def taken(asked, who="scheduler", note=""):
    suffix = "" if who == "scheduler" else f": {who}"
    return ControlTaken(
        id=uuid5(asked.id, who),
        at=system_clock(),
        action=action_of(asked),
        scope=scope_words(asked) + note + suffix,
        by=asked.by,
    )


def test_cancel_says_what_became_of_the_job(cli, broker):
    broker.answer = lambda asked: [succeeded(SAVER), cancelled()]
    result = cli("cancel", "bbbbbb", "--by", "ana")
    assert result.exit_code == 0
    assert result.stdout == f"job {WAITER} is cancelled; nothing of it was running\n"
    (order,) = broker.orders
    assert (str(order.job_id), order.by) == (WAITER, "ana")


def test_a_cancelled_attempt_is_named(cli, broker):
    broker.answer = lambda asked: [cancelled(**attempt())]
    assert "its attempt 2 was ended" in cli("cancel", WAITER).stdout


def test_json_has_what_a_script_needs(cli, broker):
    broker.answer = lambda asked: [cancelled()]
    told = json.loads(cli("cancel", WAITER, "--by", "ana", "--json").stdout)
    assert told == {
        "id": WAITER,
        "action": "cancel",
        "by": "ana",
        "done": True,
        "state": "cancelled",
        "message": f"job {WAITER} is cancelled; nothing of it was running",
    }


@pytest.mark.parametrize(
    ("event", "state"),
    [(succeeded(), "succeeded"), (JobDied(**head(), attempt=1, error="no data"), "dead")],
)
def test_a_job_that_ends_before_it_can_be_stopped_is_exit_1(cli, broker, event, state):
    broker.answer = lambda asked: [event]
    result = cli("cancel", WAITER)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith(f"ended before it could be stopped: it is {state}\n")


@pytest.mark.parametrize("command", ["cancel", "run-now"])
@pytest.mark.parametrize(
    ("job_id", "words"), [(SAVER, "already succeeded at "), (LOSER, "already failed for good at ")]
)
def test_a_job_that_is_over_is_exit_1_and_nothing_is_asked(cli, broker, command, job_id, words):
    result = cli(command, job_id)
    assert (result.exit_code, broker.orders) == (1, [])
    assert result.stderr.startswith(f"error: job {job_id} {words}")
    assert f"nothing to {'cancel' if command == 'cancel' else 'run'}" in result.stderr


@pytest.mark.parametrize("command", ["cancel", "run-now"])
def test_an_unknown_job_is_exit_4(cli, broker, command):
    result = cli(command, "123456")
    assert (result.exit_code, broker.orders) == (4, [])
    assert result.stderr.startswith("error: the ledger knows no job 123456; ")


@pytest.mark.parametrize("command", ["cancel", "run-now"])
def test_silence_is_exit_124_and_says_that_the_order_stands(cli, broker, command):
    result = cli(command, WAITER, "--wait-timeout", "0.05s")
    assert result.exit_code == 124
    assert "within 0.1 s; it is deferred; the order stands" in result.stderr
    assert len(broker.orders) == 1


@pytest.mark.parametrize("command", ["cancel", "run-now"])
def test_who_does_not_wait_is_told_how_to_follow(cli, broker, command):
    result = cli(command, WAITER, "--no-wait", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["done"], told["state"]) == (0, False, None)
    assert told["message"] == f"asked; follow it with `carbon-aware watch {WAITER}`"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (released(), f"job {WAITER} is released to {REGION}, urgent lane"),
        (
            released(Cause.LATEST_START, "its latest start is reached"),
            f"job {WAITER} is released to {REGION}, urgent lane (its latest start is reached)",
        ),
        (JobStarted(**head(), **attempt()), f"job {WAITER} runs in R, attempt 2"),
    ],
)
def test_run_now_says_where_the_job_went(cli, broker, event, line):
    broker.answer = lambda asked: [event]
    result = cli("run-now", WAITER)
    assert (result.exit_code, result.stdout) == (0, line + "\n")
    assert isinstance(broker.orders[0], RunJobNow)


def test_run_now_of_a_paused_job_is_exit_1_and_says_when_it_runs(cli, broker):
    note = ": it runs when the pause of job type t ends"
    broker.answer = lambda asked: [taken(asked), taken(asked, note=note)]
    result = cli("run-now", WAITER)
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: job {WAITER} is not released: it runs when the pause of job type t ends\n"
    )


def test_a_job_that_was_cancelled_meanwhile_does_not_run(cli, broker):
    broker.answer = lambda asked: [cancelled()]
    result = cli("run-now", WAITER)
    assert (result.exit_code, "it is cancelled" in result.stderr) == (1, True)


def test_without_a_ledger_a_whole_id_is_enough(cli, broker, tmp_path):
    broker.answer = lambda asked: [cancelled()]
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    assert cli("cancel", WAITER, *elsewhere).exit_code == 0
    result = cli("cancel", "bbbbbb", *elsewhere)
    assert result.exit_code == 69
    assert result.stderr.startswith("error: there is no ledger at ")


def test_pause_says_who_heard_it(cli, broker):
    pools = ("a:R", "b:R")
    broker.answer = lambda asked: [*(taken(asked, who) for who in (*pools, "scheduler", "a:R"))]
    result = cli("pause", "ml_training", "--region", REGION, "--by", "ana")
    assert result.stdout == (
        f"job type ml_training in {REGION} is paused, what runs goes on; heard by the scheduler "
        "and 2 pools\n"
    )
    (order,) = broker.orders
    assert (order.job_type, order.region, order.by) == ("ml_training", REGION, "ana")


def test_resume_of_everything_as_json(cli, broker):
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


def test_pools_alone_do_not_pause_what_waits(cli, broker):
    broker.answer = lambda asked: [taken(asked, "a:R")]
    result = cli("pause", "--wait-timeout", "0.05s")
    assert result.exit_code == 124
    assert result.stderr.startswith("error: no scheduler has answered within ")


def test_eco_is_the_pools_business_alone(cli, broker):
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


def an_order():
    return PauseWork(id=uuid4(), at=system_clock(), by="ana", job_type="t")


def test_only_answers_to_this_very_order_count():
    asked, other = an_order(), an_order()
    answers = Answers()
    assert not answers.take(asked, cancelled())
    assert not answers.take(asked, taken(other))
    assert not answers.take(asked, taken(other, "a:R"))
    assert (answers.scheduler, answers.pools) == (None, [])
    assert answers.take(asked, taken(asked, "host-1: with a colon:R")) is False
    assert answers.take(asked, taken(asked, "a:R"))
    assert answers.take(asked, taken(asked))


async def test_pools_get_a_moment_after_the_scheduler(monkeypatch):
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


def test_the_effect_of_a_late_ledger_is_still_told(cli, broker, monkeypatch):
    found = control_jobs.look_up
    answers = []

    async def waiting_then_over(places, wanted):
        job = await found(places, wanted)
        answers.append(job)
        return job if len(answers) == 1 else replace(job, state=State.SUCCEEDED, finished_at=None)

    monkeypatch.setattr(control_jobs, "look_up", waiting_then_over)
    result = cli("cancel", WAITER, "--wait-timeout", "0.05s")
    assert result.exit_code == 1
    assert "already succeeded, nothing to cancel" in result.stderr


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.CANCELLED, "was cancelled already"), (State.EXPIRED, "already expired")],
)
def test_every_end_is_said_in_good_english(cli, broker, monkeypatch, state, words):
    found = control_jobs.look_up

    async def over(places, wanted):
        return replace(await found(places, wanted), state=state, finished_at=None)

    monkeypatch.setattr(control_jobs, "look_up", over)
    result = cli("cancel", WAITER)
    assert result.stderr == f"error: job {WAITER} {words}, nothing to cancel\n"

"""`cancel` and `run-now`: lines, JSON and exit codes, without a broker."""

import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from services.cli import control_jobs
from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import Lane, State
from shared.domain.reasons import Cause, Numbers
from shared.messages import (
    JobCancelled,
    JobDied,
    JobReleased,
    JobStarted,
    JobSucceeded,
    RunJobNow,
)
from shared.runtime import system_clock

SAVER = "aaaaaaaa-0000-4000-8000-000000000001"
WAITER = "bbbbbbbb-0000-4000-8000-000000000002"
LOSER = "cccccccc-0000-4000-8000-000000000003"
REGION = "CAISO_NORTH"


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


def test_run_now_of_a_paused_job_is_exit_1_and_says_when_it_runs(cli, broker, taken):
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

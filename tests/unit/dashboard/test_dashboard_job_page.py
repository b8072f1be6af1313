"""The page Job: what it tells of a job in each state, and what it lets people do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import actions
from shared.domain.jobs import State
from shared.errors import BrokerUnreachable
from shared.ledger.reads import recent_jobs
from shared.ledger.schema import migrate, open_engine

OpenPage = Callable[..., AppTest]
Fill = Callable[..., str]


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.success, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def trail(page: AppTest) -> str:
    return "".join(each.proto.body for each in page.get("html"))


def buttons(page: AppTest) -> set[str]:
    return {each.label for each in page.button}


def job_in(url: str, state: State) -> UUID:
    engine = open_engine(url)
    found = recent_jobs(engine, states=[state], limit=1)[0].id
    engine.dispose()
    return found


@pytest.fixture
def may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_ACTIONS", "true")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the page asked for, instead of a broker's word."""
    calls: list[tuple[Any, ...]] = []
    for name in ("cancel", "run_now", "replay"):
        monkeypatch.setattr(
            actions, name, lambda settings, *rest, name=name: calls.append((name, *rest))
        )
    return calls


def test_without_an_id_it_asks_for_one(ledger_url: str, open_page: OpenPage) -> None:
    migrate(ledger_url)
    page = open_page("job")
    assert not page.exception
    assert "Which job?" in said(page)


@pytest.mark.parametrize("wanted", ["0123456789", "no id at all", "<b>x</b>"])
def test_a_job_that_is_not_there_is_said_in_a_line(
    ledger_url: str, open_page: OpenPage, wanted: str
) -> None:
    migrate(ledger_url)
    page = open_page("job", id=wanted)
    assert not page.exception
    assert len(page.warning) == 1
    assert "<b>" not in page.warning[0].value


@pytest.mark.parametrize("state", ["succeeded", "dead", "running", "ready", "deferred"])
@pytest.mark.parametrize("scene", [{}, {"grams": False}, {"simulated": True}])
def test_every_state_has_its_trail(
    fill: Fill, open_page: OpenPage, state: str, scene: dict[str, object]
) -> None:
    url = fill(**scene)
    page = open_page("job", id=str(job_in(url, State(state))))
    assert not page.exception
    steps = trail(page)
    assert "Submitted" in steps
    assert ("Started" in steps) == (state in {"succeeded", "dead", "running"})
    assert ("Succeeded" in steps) == (state == "succeeded")
    assert ("Failed for good" in steps) == (state == "dead")
    assert buttons(page) == set()


def test_a_result_and_its_account_are_shown(fill: Fill, open_page: OpenPage) -> None:
    page = open_page("job", id=str(job_in(fill(), State.SUCCEEDED))[:12])
    assert json.loads(page.code[0].value) == {"blocks": 12}
    assert "declared, not measured" in said(page)
    assert any(metric.label.startswith("CO\u2082 avoided") for metric in page.metric)


def test_grams_that_are_unknown_say_why(fill: Fill, open_page: OpenPage) -> None:
    page = open_page("job", id=str(job_in(fill(grams=False), State.SUCCEEDED)))
    assert "Avoided emissions are unknown: the grid" in said(page)


def test_the_last_known_trail_outlives_the_ledger(
    fill: Fill, open_page: OpenPage, tmp_path: Path
) -> None:
    wanted = str(job_in(fill(), State.SUCCEEDED))
    before = trail(open_page("job", id=wanted))
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    page = open_page("job", id=wanted)
    assert not page.exception
    assert "The ledger does not answer" in said(page)
    assert trail(page) == before


def test_a_failure_shows_its_error(fill: Fill, open_page: OpenPage) -> None:
    page = open_page("job", id=str(job_in(fill(), State.DEAD)))
    assert "the backup share is away" in page.code[0].value


def test_a_dashboard_for_reading_only_says_so(fill: Fill, open_page: OpenPage) -> None:
    page = open_page("job", id=str(job_in(fill(), State.DEFERRED)))
    assert "DASHBOARD_ACTIONS=true" in said(page)
    assert not buttons(page)


@pytest.mark.parametrize(
    ("state", "labels"),
    [
        (State.DEFERRED, {"Run now", "Cancel this job"}),
        (State.RUNNING, {"Cancel this job"}),
        (State.DEAD, {"Replay"}),
        (State.SUCCEEDED, set()),
    ],
)
def test_each_state_offers_what_can_be_done(
    fill: Fill, open_page: OpenPage, may_act: None, state: State, labels: set[str]
) -> None:
    page = open_page("job", id=str(job_in(fill(), state)))
    assert not page.exception
    assert buttons(page) == labels


def test_the_buttons_ask_for_what_they_say(
    fill: Fill, open_page: OpenPage, may_act: None, asked: list[tuple[Any, ...]]
) -> None:
    url = fill()
    waiting, dead = job_in(url, State.DEFERRED), job_in(url, State.DEAD)
    page = open_page("job", id=str(waiting))
    page.button(key="run_now").click().run()
    page.text_input(key="cancel_reason").set_value(" not needed ").run()
    page.button(key="cancel_job").click().run()
    other = open_page("job", id=str(dead))
    other.button(key="replay").click().run()
    assert asked == [
        ("run_now", waiting),
        ("cancel", waiting, "not needed"),
        ("replay", dead),
    ]
    assert "Asked to cancel" in said(page)
    assert not page.exception


def test_a_broker_that_is_away_is_one_line(
    fill: Fill, open_page: OpenPage, may_act: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise BrokerUnreachable("no RabbitMQ at 127.0.0.1:5672")

    monkeypatch.setattr(actions, "run_now", away)
    page = open_page("job", id=str(job_in(fill(), State.DEFERRED)))
    page.button(key="run_now").click().run()
    assert not page.exception
    assert "no RabbitMQ at" in page.error[0].value

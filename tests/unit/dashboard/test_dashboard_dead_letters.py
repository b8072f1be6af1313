"""Dead letters are replayed from the page System, one or all, where acting is allowed."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import actions
from shared.errors import BrokerUnreachable

OpenPage = Callable[..., AppTest]
Calls = list[Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """What was asked of the system, which is away."""
    calls: Calls = []

    def replay(_: object, job_id: UUID) -> None:
        calls.append(job_id)

    def replay_all(_: object) -> int:
        calls.append("all")
        return 2

    def replay_rejected(_: object) -> int:
        calls.append("rejected")
        return 1

    monkeypatch.setattr(actions, "replay_rejected", replay_rejected)
    monkeypatch.setattr(actions, "replay", replay)
    monkeypatch.setattr(actions, "replay_all", replay_all)
    yield calls
    st.cache_resource.clear()


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_ACTIONS", "true")


@pytest.mark.usefixtures("acting")
def test_the_chosen_dead_letter_is_replayed(
    fill: Callable[..., str], open_page: OpenPage, asked: Calls
) -> None:
    fill()
    page = open_page("system")
    wanted = page.selectbox(key="dead_job").value
    assert page.button(key="dead_replay").click().run().exception == []
    assert asked == [wanted]
    assert isinstance(wanted, UUID)


@pytest.mark.usefixtures("acting")
def test_all_dead_letters_are_replayed_and_counted(
    fill: Callable[..., str], open_page: OpenPage, asked: Calls
) -> None:
    fill()
    page = open_page("system")
    page.button(key="dead_replay_all").click().run()
    assert asked == ["all"]
    assert [note.value for note in page.success] == ["Submitted 2 jobs again\\."]


@pytest.mark.usefixtures("acting")
def test_rejected_messages_are_replayed_and_counted(
    fill_week: Callable[..., str], open_page: OpenPage, asked: Calls
) -> None:
    fill_week()
    page = open_page("system")
    page.button(key="rejected_replay_all").click().run()
    assert asked == ["rejected"]
    assert [note.value for note in page.success] == ["Submitted 1 message again\\."]


@pytest.mark.usefixtures("acting")
def test_a_broker_that_is_away_is_said(
    fill: Callable[..., str], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise BrokerUnreachable("nothing answers at 127.0.0.1:1")

    monkeypatch.setattr(actions, "replay", away)
    fill()
    page = open_page("system")
    page.button(key="dead_replay").click().run()
    assert any("nothing answers" in str(note.value) for note in page.error)


def test_for_reading_only_there_is_no_button_but_the_way_to_one(
    fill: Callable[..., str], open_page: OpenPage
) -> None:
    fill()
    page = open_page("system")
    assert not [button for button in page.button if "replay" in str(button.key)]
    assert any("DASHBOARD_ACTIONS" in str(note.value) for note in page.caption)


@pytest.mark.usefixtures("acting")
def test_without_dead_letters_there_is_nothing_to_replay(
    fill: Callable[..., str], open_page: OpenPage
) -> None:
    fill(jobs=2)
    page = open_page("system")
    assert not [button for button in page.button if "dead" in str(button.key)]

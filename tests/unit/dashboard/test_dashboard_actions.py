"""Actions: one connection for all, opened when needed, and another one after a loss."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self
from uuid import UUID

import pytest
import streamlit as st

from dashboard import actions, visitor
from dashboard.settings import DashboardSettings
from shared.client import JobHandle, JobRejected, NotAnswered
from shared.errors import ConfigurationError, PublishFailed
from shared.messages import JobSubmit

JOB = UUID(int=7)


class FakeClient:
    """Stands in for the client; says what it is told to say."""

    made: ClassVar[list["FakeClient"]] = []
    failing: Exception | None = None

    def __init__(self, amqp_url: str, **options: Any) -> None:
        self.amqp_url, self.options = amqp_url, options
        self.calls: list[tuple[Any, ...]] = []
        self.is_open = False
        FakeClient.made.append(self)

    def __enter__(self) -> Self:
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def _note(self, *call: Any) -> None:
        if FakeClient.failing is not None:
            raise FakeClient.failing
        self.calls.append(call)

    def cancel(self, job: UUID, *, by: str, reason: str | None) -> None:
        self._note("cancel", job, by, reason)

    def run_now(self, job: UUID, *, by: str) -> None:
        self._note("run_now", job, by)

    def replay(self, job: UUID, *, by: str) -> None:
        self._note("replay", job, by)

    def replay_all(self, *, by: str, most: int) -> int:
        self._note("replay_all", by, most)
        return 3

    def replay_rejected(self, *, by: str, most: int) -> int:
        self._note("replay_rejected", by, most)
        return 2

    def submit(self, job: JobSubmit, *, by: str, **_: Any) -> JobHandle:
        self._note("submit", job, by)
        return JobHandle(job.id or JOB)


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeClient]]:
    FakeClient.made, FakeClient.failing = [], None
    monkeypatch.setattr(actions, "SyncJobClient", FakeClient)
    yield FakeClient.made
    st.cache_resource.clear()


@pytest.fixture
def settings() -> DashboardSettings:
    return DashboardSettings(dashboard_actions=True, namespace="t")


def test_for_reading_only_nothing_is_asked(clients: list[FakeClient]) -> None:
    with pytest.raises(ConfigurationError, match="DASHBOARD_ACTIONS"):
        actions.run_now(DashboardSettings(dashboard_actions=False), JOB)
    assert not clients


def test_all_actions_share_one_connection(
    settings: DashboardSettings, clients: list[FakeClient]
) -> None:
    actions.run_now(settings, JOB)
    actions.cancel(settings, JOB, "why")
    actions.replay(settings, JOB)
    actions.submit(settings, JobSubmit(type="t", id=JOB))
    assert len(clients) == 1
    assert clients[0].calls == [
        ("run_now", JOB, "dashboard"),
        ("cancel", JOB, "dashboard", "why"),
        ("replay", JOB, "dashboard"),
        ("submit", JobSubmit(type="t", id=JOB), "dashboard"),
    ]
    assert clients[0].options["namespace"] == "t"


def test_a_lost_connection_is_closed_and_the_next_action_opens_another(
    settings: DashboardSettings, clients: list[FakeClient]
) -> None:
    actions.run_now(settings, JOB)
    FakeClient.failing = PublishFailed("the broker did not confirm it")
    with pytest.raises(PublishFailed):
        actions.run_now(settings, JOB)
    assert not clients[0].is_open
    FakeClient.failing = None
    actions.run_now(settings, JOB)
    assert [client.is_open for client in clients] == [False, True]


def test_a_rejected_job_leaves_the_connection_open(
    settings: DashboardSettings, clients: list[FakeClient]
) -> None:
    FakeClient.failing = JobRejected("the job was rejected: region")
    with pytest.raises(JobRejected):
        actions.submit(settings, JobSubmit(type="t"))
    assert [client.is_open for client in clients] == [True]


def test_a_job_that_no_scheduler_has_answered_is_with_the_broker(
    settings: DashboardSettings,
) -> None:
    FakeClient.failing = NotAnswered("no scheduler has answered", JobHandle(JOB))
    assert actions.submit(settings, JobSubmit(type="t", id=JOB)).id == JOB


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({}, "dashboard"),
        ({"is_logged_in": False, "email": "a@example.org"}, "dashboard"),
        ({"is_logged_in": True, "email": "a@example.org", "name": "A"}, "a@example.org"),
        ({"is_logged_in": True, "name": "A"}, "A"),
        ({"is_logged_in": True, "sub": "x" * 500}, "x" * visitor.LONGEST_NAME),
        ({"is_logged_in": True}, "dashboard"),
    ],
)
def test_actions_are_noted_under_who_is_signed_in(
    monkeypatch: pytest.MonkeyPatch,
    settings: DashboardSettings,
    clients: list[FakeClient],
    user: dict[str, object],
    name: str,
) -> None:
    monkeypatch.setattr(st, "user", user)
    actions.run_now(settings, JOB)
    assert clients[0].calls == [("run_now", JOB, name)]


def test_all_dead_letters_are_replayed_in_the_name_of_whoever_asked(
    settings: DashboardSettings, clients: list[FakeClient]
) -> None:
    assert actions.replay_all(settings) == 3
    assert clients[0].calls == [("replay_all", "dashboard", actions.MOST_AT_ONCE)]


def test_rejected_messages_are_replayed_in_the_name_of_whoever_asked(
    settings: DashboardSettings, clients: list[FakeClient]
) -> None:
    assert actions.replay_rejected(settings) == 2
    assert clients[0].calls == [("replay_rejected", "dashboard", actions.MOST_AT_ONCE)]

"""What people ask for through the dashboard, done over one connection that all tabs share.

The connection is opened at the first action. One that failed is closed, and the next action
opens another.
"""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar
from uuid import UUID

import streamlit as st

from dashboard import visitor
from dashboard.settings import DashboardSettings
from shared.client import JobHandle, NotAnswered, SyncJobClient
from shared.errors import ConfigurationError, PublishFailed, Unreachable
from shared.messages import JobSubmit

T = TypeVar("T")
MOST_AT_ONCE = 500
"""Jobs that one press of a button replays: somebody waits for it."""
PATIENCE_SECONDS = 8.0
"""How long a person who pressed a button waits for the broker, and for a scheduler's answer."""


def submit(settings: DashboardSettings, job: JobSubmit) -> JobHandle:
    """Submit a job; where no scheduler answers in time, the broker has it all the same.

    Raises:
        CarbonAwareError: the broker is away, or the scheduler rejects the job.
    """
    by = visitor.name()
    try:
        return _line(settings).do(
            lambda client: client.submit(
                job, wait_accepted=True, answer_seconds=PATIENCE_SECONDS, by=by
            )
        )
    except NotAnswered as late:
        return late.job


def cancel(settings: DashboardSettings, job_id: UUID, reason: str | None) -> None:
    """Call a job off.

    Raises:
        CarbonAwareError: the broker is away.
    """
    by = visitor.name()
    _line(settings).do(lambda client: client.cancel(job_id, by=by, reason=reason))


def run_now(settings: DashboardSettings, job_id: UUID) -> None:
    """Run a waiting job on any grid.

    Raises:
        CarbonAwareError: the broker is away.
    """
    by = visitor.name()
    _line(settings).do(lambda client: client.run_now(job_id, by=by))


def replay(settings: DashboardSettings, job_id: UUID) -> None:
    """Submit a job that failed for good again.

    Raises:
        CarbonAwareError: the broker is away, or does not keep the job any more.
    """
    by = visitor.name()
    _line(settings).do(lambda client: client.replay(job_id, by=by))


def replay_all(settings: DashboardSettings) -> int:
    """Submit the jobs that failed for good again, `MOST_AT_ONCE` of them; how many those were.

    Raises:
        CarbonAwareError: the broker is away.
    """
    by = visitor.name()
    return _line(settings).do(lambda client: client.replay_all(by=by, most=MOST_AT_ONCE))


def replay_rejected(settings: DashboardSettings) -> int:
    """Submit rejected messages again, `MOST_AT_ONCE` of them; how many those were.

    Raises:
        CarbonAwareError: the broker is away.
    """
    by = visitor.name()
    return _line(settings).do(lambda client: client.replay_rejected(by=by, most=MOST_AT_ONCE))


class _Line:
    """The one connection; threads share it."""

    def __init__(self, amqp_url: str, namespace: str) -> None:
        self._amqp_url = amqp_url
        self._namespace = namespace
        self._client: SyncJobClient | None = None
        self._changing = Lock()

    def do(self, ask: Callable[[SyncJobClient], T]) -> T:
        client = self._opened()
        try:
            return ask(client)
        except (Unreachable, PublishFailed):
            self.close()
            raise

    def close(self) -> None:
        with self._changing:
            client, self._client = self._client, None
        if client is not None:
            client.__exit__(None, None, None)

    def _opened(self) -> SyncJobClient:
        with self._changing:
            if self._client is None:
                client = SyncJobClient(
                    self._amqp_url,
                    namespace=self._namespace,
                    results=False,
                    name="carbon-aware dashboard",
                    confirm_seconds=PATIENCE_SECONDS,
                )
                self._client = client.__enter__()
            return self._client


def _line(settings: DashboardSettings) -> _Line:
    """The connection of this deployment.

    Raises:
        ConfigurationError: the dashboard is for reading only.
    """
    if not settings.dashboard_actions:
        raise ConfigurationError(
            "this dashboard is for reading only; start it with DASHBOARD_ACTIONS=true to act"
        )
    return _opened_line(settings.amqp_url, settings.namespace)


@st.cache_resource(show_spinner=False, on_release=lambda line: line.close())
def _opened_line(amqp_url: str, namespace: str) -> _Line:
    return _Line(amqp_url, namespace)

"""The client for programs without asyncio."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from shared.client.client import ANSWER_SECONDS, CONFIRM_SECONDS, JobClient
from shared.client.results import JobHandle, JobResult
from shared.client.settings import ClientSettings
from shared.client.submissions import SomeJob
from shared.client.waiting import OnEvent, OnProgress
from shared.messages import JobSubmit

T = TypeVar("T")


class SyncJobClient:
    """A `JobClient` on an event loop in a thread of its own; the methods are the same.

    Use it as a `with` block. Threads may share it.
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        namespace: str = "",
        ledger_url: str | None = None,
        results: bool = True,
        name: str = "job client",
        confirm_seconds: float = CONFIRM_SECONDS,
    ) -> None:
        """Prepare; the arguments are those of `JobClient`."""
        self._client = JobClient(
            amqp_url,
            namespace=namespace,
            ledger_url=ledger_url,
            results=results,
            name=name,
            confirm_seconds=confirm_seconds,
        )
        self._open = ExitStack()
        self._portal: BlockingPortal | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """A client of AMQP_URL and NAMESPACE, from the environment or `.env`; LEDGER_URL if set.

        Raises:
            ConfigurationError: a variable is wrong.
        """
        return cls(**ClientSettings.load().options())

    def __enter__(self) -> Self:
        """Connect; raises what `JobClient` raises."""
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal(backend="asyncio"))
            stack.enter_context(portal.wrap_async_context_manager(self._client))
            self._portal = portal
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what was opened, and end the thread."""
        self._portal = None
        self._open.__exit__(kind, error, trace)

    def submit(
        self,
        job: str | JobSubmit,
        payload: Mapping[str, Any] | None = None,
        *,
        wait_accepted: bool | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        by: str | None = None,
        **fields: Any,  # noqa: ANN401 - the fields of a submission
    ) -> JobHandle:
        """Publish a job; see `JobClient.submit`."""
        return self._call(
            partial(
                self._client.submit,
                job,
                payload,
                wait_accepted=wait_accepted,
                answer_seconds=answer_seconds,
                by=by,
                **fields,
            )
        )

    def submit_many(self, jobs: Iterable[JobSubmit | Mapping[str, Any]]) -> list[JobHandle]:
        """Publish many jobs; see `JobClient.submit_many`."""
        return self._call(partial(self._client.submit_many, jobs))

    def wait(
        self,
        job: SomeJob,
        *,
        timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> JobResult:
        """Wait for a job's end; see `JobClient.wait`. The callbacks run in the client's thread."""
        return self._call(
            partial(
                self._client.wait,
                job,
                timeout_seconds=timeout_seconds,
                on_progress=on_progress,
                on_event=on_event,
            )
        )

    def cancel(self, job: SomeJob, *, by: str | None = None, reason: str | None = None) -> None:
        """Call a job off; see `JobClient.cancel`."""
        self._call(partial(self._client.cancel, job, by=by, reason=reason))

    def run_now(self, job: SomeJob, *, by: str | None = None) -> None:
        """Run a waiting job at once; see `JobClient.run_now`."""
        self._call(partial(self._client.run_now, job, by=by))

    def replay(self, job: SomeJob, *, by: str) -> None:
        """Submit a job that failed for good again; see `JobClient.replay`."""
        self._call(partial(self._client.replay, job, by=by))

    def replay_all(self, *, by: str, most: int) -> int:
        """Submit the jobs that failed for good again; see `JobClient.replay_all`."""
        return self._call(partial(self._client.replay_all, by=by, most=most))

    def replay_rejected(self, *, by: str, most: int) -> int:
        """Submit rejected messages again; see `JobClient.replay_rejected`."""
        return self._call(partial(self._client.replay_rejected, by=by, most=most))

    def _call(self, method: Callable[[], Awaitable[T]]) -> T:
        if self._portal is None:
            raise RuntimeError("use the client as a `with` block: it is not connected")
        return self._portal.call(method)

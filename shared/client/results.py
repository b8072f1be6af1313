"""What a client gives back: handles of submitted jobs, results, and what can go wrong."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.domain.jobs import State
from shared.errors import CarbonAwareError, JobFailed, WaitTimedOut
from shared.messages import (
    JobCancelled,
    JobDied,
    JobEvent,
    JobExpired,
    JobSucceeded,
)


class JobRejected(CarbonAwareError):
    """The scheduler does not take the job; the message has its reason."""


class NotAnswered(WaitTimedOut):
    """The broker has the job, but no scheduler has answered yet.

    Attributes:
        job: the job, under the id that it gets if its idempotency key is new.
    """

    def __init__(self, message: str, job: "JobHandle") -> None:
        super().__init__(message)
        self.job = job


@dataclass(frozen=True, slots=True)
class JobHandle:
    """A job that the broker has confirmed.

    Attributes:
        id: its id; with an idempotency key that is known already, the first job's.
        duplicate: whether that job was there before; None where no answer was waited for.
    """

    id: UUID
    duplicate: bool | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended.

    Attributes:
        state: `succeeded`, `dead`, `cancelled` or `expired`.
        result: what its handler returned.
        error: why it did not succeed.
    """

    id: UUID
    state: State
    result: Any = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether its handler returned."""
        return self.state is State.SUCCEEDED

    def expect(self) -> Any:  # noqa: ANN401 - users' results
        """What its handler returned.

        Raises:
            JobFailed: it did not succeed.
        """
        if not self.succeeded:
            raise JobFailed(f"job {self.id} is {self.state.value}: {self.error or 'no reason'}")
        return self.result


def result_of(event: JobEvent) -> JobResult | None:
    """The result that an event ends its job with; None for those that do not."""
    match event:
        case JobSucceeded():
            return JobResult(event.job_id, State.SUCCEEDED, event.result)
        case JobDied():
            return JobResult(event.job_id, State.DEAD, error=event.error)
        case JobExpired():
            return JobResult(event.job_id, State.EXPIRED, error=event.reason)
        case JobCancelled():
            return JobResult(event.job_id, State.CANCELLED, error=event.reason)
        case _:
            return None

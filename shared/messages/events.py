"""Events: what happened, in the past tense, with all that explains it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.domain.energy import possible_kwh
from shared.domain.jobs import Job, Lane
from shared.domain.reasons import Cause, Numbers
from shared.domain.savings import EnergyMethod
from shared.messages.base import Event
from shared.messages.bounds import Grams, Instant, Label, Span, possible
from shared.messages.system_events import (
    ControlTaken,
    IntensityRevised,
    IntensityUpdated,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
)

UsedKwh = Annotated[
    Annotated[float, Field(allow_inf_nan=True)] | None, AfterValidator(possible_kwh)
]
"""What a run used; None where it is unknown. A meter that counted wrong stops no event."""


class JobEvent(Event):
    """Something that happened to a job."""

    job_id: UUID


class Decided(JobEvent):
    """A decision with all that explains it.

    Attributes:
        attempts: runs that had ended in failure before.
        piece: the piece of the next attempt that it is about; above 1 for the rest of a job that
            was interrupted.
    """

    cause: Cause
    reason: str
    numbers: Annotated[Numbers, AfterValidator(possible)]
    attempts: int
    deferrals: int
    piece: int = 1
    promised_g: Grams | None = None


class JobAccepted(JobEvent):
    """A submission passed the door and is now the scheduler's."""

    type: Literal["job.accepted.v1"] = "job.accepted.v1"
    job: Annotated[Job, AfterValidator(possible)]


class JobRejected(Event):
    """A message is not a valid job; it is kept whole in `jobs.rejected`."""

    type: Literal["job.rejected.v1"] = "job.rejected.v1"
    reason: str
    job_id: UUID | None = None


class JobDeferred(Decided):
    """A job waits on the wheel for a cleaner grid, or for the end of its backoff."""

    type: Literal["job.deferred.v1"] = "job.deferred.v1"
    planned_at: Instant
    slot: int


class JobReleased(Decided):
    """A job was sent to a ready queue."""

    type: Literal["job.released.v1"] = "job.released.v1"
    region: Label
    lane: Lane


class JobExpired(Decided):
    """A job was given up because it could not finish by its deadline."""

    type: Literal["job.expired.v1"] = "job.expired.v1"


class Attempted(JobEvent):
    """One attempt at a job in a worker pool.

    Attributes:
        attempt: counts from 1.
        piece: counts from 1 within the attempt; an interrupted attempt has several.
    """

    attempt: int
    piece: int = 1
    pool: Label
    region: Label
    started_at: Instant


class JobStarted(Attempted):
    """A handler began to run."""

    type: Literal["job.started.v1"] = "job.started.v1"


class JobProgressed(Attempted):
    """A handler says how far it is.

    Attributes:
        fraction: of the whole job that is done; None where only the message says it.
    """

    type: Literal["job.progressed.v1"] = "job.progressed.v1"
    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    message: str | None = None


class Finished(Attempted):
    """An attempt ended, having used energy."""

    finished_at: Instant
    energy_kwh: UsedKwh
    energy_method: EnergyMethod | None


class JobSucceeded(Finished):
    """A handler returned; `result` is what it returned, if that is small JSON."""

    type: Literal["job.succeeded.v1"] = "job.succeeded.v1"
    result: Any = None


class JobFailed(Finished):
    """An attempt failed."""

    type: Literal["job.failed.v1"] = "job.failed.v1"
    error: str
    traceback: str | None = None


class JobPaused(Finished):
    """A handler stopped at a checkpoint; the rest of the job goes back to the scheduler.

    Attributes:
        remaining_seconds: how much longer the job is expected to run.
    """

    type: Literal["job.paused.v1"] = "job.paused.v1"
    reason: str
    remaining_seconds: Span


class JobCancelled(JobEvent):
    """Somebody called a job off.

    The fields of an attempt are those of the one that was cut, and None where none ran.

    Attributes:
        by: who asked for it, as they named themselves.
    """

    type: Literal["job.cancelled.v1"] = "job.cancelled.v1"
    by: str | None
    reason: str
    attempt: int | None = None
    piece: int | None = None
    pool: Label | None = None
    region: Label | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    energy_kwh: UsedKwh = None
    energy_method: EnergyMethod | None = None


class JobRetried(JobEvent):
    """A failed job goes back to the scheduler, to run no earlier than `not_before`."""

    type: Literal["job.retried.v1"] = "job.retried.v1"
    attempt: int
    not_before: Instant


class JobDied(JobEvent):
    """A job failed for good and is kept in `jobs.dead`."""

    type: Literal["job.died.v1"] = "job.died.v1"
    attempt: int
    error: str


class JobReplayed(JobEvent):
    """Somebody took a dead job out of `jobs.dead`, to be run afresh.

    Attributes:
        attempts: runs that failed so far; the next one's number follows, so that none repeats.
        by: who asked for it, as they named themselves.
        deadline: its new one; None where it keeps its own.
    """

    type: Literal["job.replayed.v1"] = "job.replayed.v1"
    attempts: Annotated[int, Field(ge=0)]
    by: str | None
    deadline: Instant | None = None


AnyEvent = Annotated[
    JobAccepted
    | JobRejected
    | JobDeferred
    | JobReleased
    | JobExpired
    | JobStarted
    | JobProgressed
    | JobPaused
    | JobSucceeded
    | JobCancelled
    | JobFailed
    | JobRetried
    | JobDied
    | JobReplayed
    | IntensityUpdated
    | IntensityRevised
    | PoolResized
    | TimetableUpdated
    | ControlTaken
    | ServiceBeat,
    Field(discriminator="type"),
]

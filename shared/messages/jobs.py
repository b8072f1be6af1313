"""Jobs on the wire: the submission of a user, the accepted job, the answer."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.domain.bands import Band
from shared.domain.energy import MOST_KWH
from shared.domain.jobs import Job, OnDeadline, Priority
from shared.messages.base import Message, explain
from shared.messages.bounds import Count, Instant, JsonObject

JobType = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
FIRST_YEAR, LAST_YEAR = 2000, 2199
LARGEST_CHECKPOINT_BYTES = 64 * 1024
LARGEST_SUBMISSION_BYTES = 1024 * 1024
"""Far below what a broker takes, for a job grows on its way by what the services add."""
"""The JSON of a checkpoint travels with its job; what is larger belongs into a store."""

Watts = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Kwh = Annotated[float, Field(ge=0, le=MOST_KWH, allow_inf_nan=False)]


class JobSubmit(Message):
    """What a user publishes (`job.submit.v1`); only `type` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: JobType
    payload: JsonObject = Field(default_factory=dict)
    id: UUID | None = None
    priority: Priority | None = None
    max_band: Band | None = None
    deadline: AwareDatetime | None = None
    deadline_seconds: Seconds | None = None
    expected_duration_seconds: Seconds | None = None
    power_watts: Watts | None = None
    energy_kwh: Kwh | None = None
    region: str | None = None
    regions: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    interruptible: bool | None = None
    on_deadline: OnDeadline | None = None
    retries: Annotated[int, Field(ge=0, le=100)] | None = None
    timeout_seconds: Seconds | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @field_validator("max_band")
    @classmethod
    def _a_known_band(cls, value: Band | None) -> Band | None:
        if value is Band.UNKNOWN:
            raise ValueError("use one of very_low, low, medium, high, very_high")
        return value

    @field_validator("deadline")
    @classmethod
    def _within_reach(cls, value: datetime | None) -> datetime | None:
        if value is not None and not FIRST_YEAR <= value.year <= LAST_YEAR:
            raise ValueError(f"use a date from {FIRST_YEAR} to {LAST_YEAR}")
        return value

    @model_validator(mode="after")
    def _one_of_each_pair(self) -> Self:
        pairs = (
            ("deadline", "deadline_seconds"),
            ("power_watts", "energy_kwh"),
            ("region", "regions"),
        )
        for first, second in pairs:
            if getattr(self, first) is not None and getattr(self, second) is not None:
                raise ValueError(f"give {first} or {second}, not both")
        return self


class _Bounds(Message):
    """What the fields of a job on its way keep to: what the door lets in, and counts."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    type: JobType
    submitted_at: Instant
    deadline: Instant
    expected_duration_seconds: Seconds
    power_watts: Watts | None
    energy_kwh: Kwh | None
    retries: Count
    timeout_seconds: Seconds | None
    attempts: Count
    deferrals: Count
    attempts_at_replay: Count


def _possible(job: Job, info: ValidationInfo) -> Job:
    """A job that is read from JSON; what a service sends was checked when it came.

    Raises:
        ValueError: a field is out of bounds; the line names it.
    """
    if info.mode == "json":
        try:
            _Bounds.model_validate(job)
        except ValidationError as error:
            raise ValueError(explain(error)) from error
    return job


class QueuedJob(Message):
    """An accepted job on its way: what waits on the wheel and in the ready queues.

    Attributes:
        slot: the absolute slot that it waits for; None in a ready queue.
        not_before: the end of a retry's backoff.
        promised_g: the saving that its first decision expected.
        region: where it was sent; None until then.
        traceparent: where its submission was sent from (W3C Trace Context).
        tracestate: what goes with it.
        checkpoint: what its handler last kept, small JSON; None before that.
        piece: the piece of the present attempt that runs next.
        remaining_seconds: how much longer it is expected to run; None is the whole of its
            expected duration.
    """

    type: Literal["job.queued.v1"] = "job.queued.v1"
    job: Annotated[Job, AfterValidator(_possible)]
    payload: dict[str, Any] = Field(default_factory=dict)
    slot: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    not_before: Instant | None = None
    promised_g: Annotated[float, Field(allow_inf_nan=False)] | None = None
    region: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    checkpoint: Any = None
    piece: Annotated[int, Field(ge=1, lt=2**31)] = 1
    remaining_seconds: Seconds | None = None


class JobClaimed(Message):
    """The claim of a submission on its idempotency key or its own id; kept on `jobs.claims`.

    Attributes:
        key: `key:` and the idempotency key, or `id:` and the job's id.
        job_id: the job that the key stands for, if no earlier claim holds.
        fingerprint: of the job's type and payload, which a repetition has to match.
        withdrawn: whether it is the claim of this id taken back: its job was never placed.
    """

    type: Literal["job.claimed.v1"] = "job.claimed.v1"
    id: UUID
    at: AwareDatetime
    key: str
    job_id: UUID
    fingerprint: str
    withdrawn: bool = False


class Reply(Message):
    """What a submission's `reply_to` gets: acceptance, or the rejection's reason.

    Attributes:
        id: of the job that stands for the submission; None where it is rejected.
        duplicate: whether that job is an earlier submission's, with the same id or key.
    """

    type: Literal["job.reply.v1"] = "job.reply.v1"
    id: UUID | None
    accepted: bool
    reason: str | None = None
    duplicate: bool = False

"""The wire contract: every message as a frozen model with its name and version.

Readers ignore unknown fields; only the door that users submit through forbids them.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from shared.domain.bands import Band, Cuts
from shared.domain.decisions import Cause, Numbers
from shared.domain.grid import Forecast, Freshness, Reading
from shared.domain.jobs import Job, Lane, OnDeadline, Priority
from shared.domain.savings import EnergyMethod
from shared.errors import InvalidJob, Undecodable

JobType = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
Watts = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Kwh = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Message(BaseModel):
    """Anything on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class JobSubmit(Message):
    """What a user publishes (`job.submit.v1`); only `type` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: JobType
    payload: dict[str, Any] = Field(default_factory=dict)
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


class QueuedJob(Message):
    """An accepted job on its way: what waits on the wheel and in the ready queues.

    Attributes:
        slot: the absolute slot that it waits for; None in a ready queue.
        not_before: the end of a retry's backoff.
        promised_g: the saving that its first decision expected.
        region: where it was sent; None until then.
    """

    type: Literal["job.queued.v1"] = "job.queued.v1"
    job: Job
    payload: dict[str, Any] = Field(default_factory=dict)
    slot: int | None = None
    not_before: AwareDatetime | None = None
    promised_g: float | None = None
    region: str | None = None
    traceparent: str | None = None


class Reply(Message):
    """What a submission's `reply_to` gets: acceptance, or the rejection's reason."""

    type: Literal["job.reply.v1"] = "job.reply.v1"
    id: UUID | None
    accepted: bool
    reason: str | None = None


class Event(Message):
    """Something that happened; the ledger counts each id once."""

    id: UUID
    at: AwareDatetime


class JobEvent(Event):
    """Something that happened to a job."""

    job_id: UUID


class Decided(JobEvent):
    """A decision with all that explains it."""

    cause: Cause
    reason: str
    numbers: Numbers
    attempts: int
    deferrals: int
    promised_g: float | None = None


class JobAccepted(JobEvent):
    """A submission passed the door and is now the scheduler's."""

    type: Literal["job.accepted.v1"] = "job.accepted.v1"
    job: Job


class JobRejected(Event):
    """A message is not a valid job; it is kept whole in `jobs.rejected`."""

    type: Literal["job.rejected.v1"] = "job.rejected.v1"
    reason: str
    job_id: UUID | None = None


class JobDeferred(Decided):
    """A job waits on the wheel for a cleaner grid, or for the end of its backoff."""

    type: Literal["job.deferred.v1"] = "job.deferred.v1"
    planned_at: AwareDatetime
    slot: int


class JobReleased(Decided):
    """A job was sent to a ready queue."""

    type: Literal["job.released.v1"] = "job.released.v1"
    region: str
    lane: Lane


class JobExpired(Decided):
    """A job was given up because it could not finish by its deadline."""

    type: Literal["job.expired.v1"] = "job.expired.v1"


class Attempted(JobEvent):
    """One attempt at a job in a worker pool; `attempt` counts from 1."""

    attempt: int
    pool: str
    region: str
    started_at: AwareDatetime


class JobStarted(Attempted):
    """A handler began to run."""

    type: Literal["job.started.v1"] = "job.started.v1"


class Finished(Attempted):
    """An attempt ended, having used energy."""

    finished_at: AwareDatetime
    energy_kwh: float | None
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


class JobRetried(JobEvent):
    """A failed job goes back to the scheduler, to run no earlier than `not_before`."""

    type: Literal["job.retried.v1"] = "job.retried.v1"
    attempt: int
    not_before: AwareDatetime


class JobDied(JobEvent):
    """A job failed for good and is kept in `jobs.dead`."""

    type: Literal["job.died.v1"] = "job.died.v1"
    attempt: int
    error: str


class IntensityUpdated(Event):
    """A region's grid, as the publisher sees it now: the broadcast of every poll.

    Attributes:
        reading: the point that holds now; its values are None on the `unknown` rung.
        cuts: the band edges in force, for the values of the forecast.
        reason: why this rung, in words; None while live.
        period_seconds: when to expect the next update.
    """

    type: Literal["intensity.updated.v1"] = "intensity.updated.v1"
    reading: Reading
    band: Band
    freshness: Freshness
    forecast: Forecast | None = None
    cuts: Cuts | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()


class PoolResized(Event):
    """A worker pool follows the band."""

    type: Literal["pool.resized.v1"] = "pool.resized.v1"
    pool: str
    region: str
    band: Band
    factor: float
    consumers: int
    prefetch: int
    base_consumers: int
    base_prefetch: int
    reason: str


class ServiceBeat(Event):
    """A service is alive; `facts` are its own numbers, such as running jobs."""

    type: Literal["service.beat.v1"] = "service.beat.v1"
    service: str
    instance: str
    host: str
    pid: int
    started_at: AwareDatetime
    interval_seconds: float
    facts: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


AnyEvent = Annotated[
    JobAccepted
    | JobRejected
    | JobDeferred
    | JobReleased
    | JobExpired
    | JobStarted
    | JobSucceeded
    | JobFailed
    | JobRetried
    | JobDied
    | IntensityUpdated
    | PoolResized
    | ServiceBeat,
    Field(discriminator="type"),
]
_EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def encode(message: Message) -> bytes:
    """The JSON body of a message, UTF-8."""
    return message.model_dump_json().encode()


def message_name(message: Message) -> str:
    """Name and version, the AMQP `type`: `job.deferred.v1`."""
    name = getattr(message, "type", None)
    return "job.submit.v1" if isinstance(message, JobSubmit) else str(name)


def routing_key(event: Event) -> str:
    """An event's routing key: its name without the version."""
    return message_name(event).rsplit(".", 1)[0]


def decode_submit(body: bytes) -> JobSubmit:
    """Read a submission.

    Raises:
        Undecodable: the body is not a JSON object.
        InvalidJob: a field is wrong; the one line names it and says what is expected.
    """
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(raw, dict):
        raise Undecodable(f"the body is a JSON {_json_kind(raw)}, not an object")
    try:
        return JobSubmit.model_validate_json(body)
    except ValidationError as error:
        raise InvalidJob(explain(error, known=JobSubmit.model_fields)) from error


def decode_queued(body: bytes) -> QueuedJob:
    """Read an accepted job.

    Raises:
        Undecodable: it is none.
    """
    try:
        return QueuedJob.model_validate_json(body)
    except ValidationError as error:
        raise Undecodable(f"not a job.queued.v1: {explain(error)}") from error


def decode_event(body: bytes) -> AnyEvent:
    """Read an event.

    Raises:
        Undecodable: it is none, or of an unknown name or version.
    """
    try:
        return _EVENTS.validate_json(body)
    except ValidationError as error:
        raise Undecodable(f"not an event: {explain(error)}") from error


def explain(error: ValidationError, *, known: Iterable[str] = ()) -> str:
    """One line for a validation error: each field with what is wrong and what was given.

    Args:
        error: what pydantic found.
        known: field names to offer where an unknown one was given.
    """
    hint = f"; known are {', '.join(known)}" if known else ""
    details = error.errors(include_url=False)
    return "; ".join(_explain_one(dict(detail), hint) for detail in details)


def _explain_one(detail: dict[str, Any], hint: str) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{field}: unknown field{hint}"
    if detail["type"] == "missing":
        return f"{field}: required"
    text = " ".join(str(detail["msg"]).removeprefix("Value error, ").split())
    text = text[0].lower() + text[1:]
    given = detail.get("input")
    shown = f" (given {str(given)[:60]!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{field}: {text}{shown}" if field else text


def _json_kind(raw: object) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(raw), "null")

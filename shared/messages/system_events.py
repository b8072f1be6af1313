"""Events about the grid, the pools, the timetable and the services themselves."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.domain.bands import Band, Cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.messages.base import Event, Message
from shared.messages.bounds import (
    Age,
    Count,
    Factor,
    GramsPerKwh,
    Instant,
    JobSeconds,
    Label,
    Percent,
    Period,
    Span,
    possible,
)
from shared.messages.control import Action, Asked

MOST_REVISED_POINTS = 288
"""Points of one event, a day of five minutes: a longer revision is told in several."""


class IntensityUpdated(Event):
    """A region's grid, as the publisher sees it now: the broadcast of every poll.

    Attributes:
        reading: the point that holds now; its values are None on the `unknown` rung.
        forecast_issued_until: how far the provider's own forecast reaches; what lies beyond is the
            built-in continuation, and so is all of it where this is None.
        cuts: the band edges in force, for the values of the forecast.
        reason: why this rung or this source, in words; None while the first source is live.
        age_seconds: since the end of the last observed point; 0 while it holds.
    """

    type: Literal["intensity.updated.v1"] = "intensity.updated.v1"
    reading: Annotated[Reading, AfterValidator(possible)]
    band: Band
    freshness: Freshness
    forecast: Annotated[Forecast | None, AfterValidator(possible)] = None
    forecast_issued_until: Instant | None = None
    cuts: Cuts | None = None
    reason: str | None = None
    age_seconds: Age = 0.0
    warnings: tuple[str, ...] = ()


class RevisedPoint(Message):
    """What a source says of a point by now.

    Attributes:
        at: when the point starts.
        band: of the new value, by the cuts that held when it was told.
        index_percent: as it was told live; sources revise no index.
    """

    at: Instant
    intensity_g_per_kwh: GramsPerKwh
    band: Band
    index_percent: Percent | None = None


class IntensityRevised(Event):
    """A source's history says other than what was told of it before, or what was missing.

    Of several revisions of a point the latest holds, and any of them above what was told live.

    Attributes:
        period_seconds: how long each point holds.
        points: those that changed or were missing, and no others, oldest first.
    """

    type: Literal["intensity.revised.v1"] = "intensity.revised.v1"
    region: Label
    source: Label
    signal: Signal
    simulated: bool
    period_seconds: Period
    points: tuple[RevisedPoint, ...] = Field(min_length=1, max_length=MOST_REVISED_POINTS)


class PoolResized(Event):
    """A worker pool follows the band."""

    type: Literal["pool.resized.v1"] = "pool.resized.v1"
    pool: Label
    region: Label
    band: Band
    factor: Factor
    consumers: Count
    prefetch: Count
    base_consumers: Count
    base_prefetch: Count
    reason: str


class SlotPlan(Message):
    """One slot of the timetable.

    Attributes:
        at: when the slot starts.
        band: that is expected then.
        expected_g_per_kwh: the forecast's mean over the slot; None where it is silent.
        jobs: how many are planned to start in it.
        load_seconds: job-seconds planned into it, those of jobs that began before included.
        room_seconds: job-seconds left; None while no pool is known.
    """

    at: Instant
    band: Band
    expected_g_per_kwh: GramsPerKwh | None
    jobs: Count
    load_seconds: JobSeconds
    room_seconds: JobSeconds | None


class TimetableUpdated(Event):
    """A region's timetable as the working scheduler has it: the present slot and all later ones.

    Attributes:
        consumers: how many jobs the region's pools run at once now; None while none is known.
        backlog_seconds: job-seconds that the pools were given and have not finished.
    """

    type: Literal["timetable.updated.v1"] = "timetable.updated.v1"
    region: Label
    slot_seconds: Span
    consumers: Count | None
    backlog_seconds: JobSeconds | None
    slots: tuple[SlotPlan, ...]


class ControlTaken(Event):
    """The audit trail of who asked for what: a service acted on a control message.

    A program that acts for people, such as the dashboard, tells so itself of a job that it submits
    (`submit`) and of rejected messages that it submits again (`replay`).

    Attributes:
        action: `cancel`, `run_now`, `pause`, `resume`, `eco`, `submit` or `replay`.
        job_id: the job that it was about; None where it was about none.
        scope: what it reached, in words: `job type ml_training in CAISO_NORTH`.
        by: who asked for it, as they named themselves.
    """

    type: Literal["control.taken.v1"] = "control.taken.v1"
    action: Action | Asked
    job_id: UUID | None = None
    scope: str
    by: str | None


class ServiceBeat(Event):
    """A service is alive; `facts` are its own numbers, such as running jobs."""

    type: Literal["service.beat.v1"] = "service.beat.v1"
    service: Label
    instance: Label
    host: Label
    pid: int
    started_at: Instant
    interval_seconds: Span
    facts: dict[str, str | int | float | bool | None] = Field(default_factory=dict)

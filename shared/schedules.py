"""Periodic jobs: the `[[schedule]]` entries of `jobs.toml`, and when their runs fall due.

[[schedule]]
name = "nightly report"
cron = "0 22 * * *"
timezone = "Europe/Berlin"
until = "07:00"
type = "nightly_report"
power_watts = 120

That is: one job each day, submitted at 22:00 in Berlin, done by 07:00 at the latest, run when the
grid is cleanest in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared.domain.durations import parse_duration
from shared.domain.wall_time import instant_of, next_time_of_day
from shared.errors import ConfigurationError
from shared.messages import JobSubmit, explain

LATE_SECONDS = 60.0
"""A run that is no later than this was not missed: a scheduler takes over in less."""

LONGEST_WINDOW_SECONDS = 366 * 86_400.0
CRON_FIELDS = 5
_RUN_IDS = UUID("c1f5a7c2-91d4-4c0b-8d6e-3b7a0e5f2d94")
_NOT_FOR_SCHEDULES = {
    "deadline": "a run's latest finish is its window: use within or until",
    "deadline_seconds": "a run's latest finish is its window: use within or until",
    "id": "each run gets an id of its own",
    "idempotency_key": "each run is submitted once as it is",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One periodic job.

    Attributes:
        cron: minute, hour, day of the month, month, day of the week, on the zone's clocks.
        job: what each run submits, but for its id and deadline.
        within_seconds: how long after its instant a run has to be finished.
        until: or the time of the day by which it has to be.
        catch_up: of missed runs whose window is still open: True submits all, None the last,
            False none.
    """

    name: str
    cron: str
    zone: ZoneInfo
    job: JobSubmit
    within_seconds: float | None = None
    until: time | None = None
    catch_up: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a schedule.

    Attributes:
        at: when it falls due.
        deadline: its latest finish; None where the schedule has no window, so that the job's type
            and the settings decide.
    """

    schedule: Schedule
    at: datetime
    deadline: datetime | None


def runs_after(schedule: Schedule, after: datetime) -> Iterator[Run]:
    """The runs that fall due later than an instant, earliest first.

    With an hour of `*` runs follow the real hours through a change of the clocks. With fixed hours
    a time that is skipped runs at the next that exists, and one that comes twice runs once.
    """
    last = after
    for at, wall in _instants(schedule, after):
        if at > last:
            last = at
            yield Run(schedule, at, _deadline(schedule, at, wall))


def next_run(schedule: Schedule, after: datetime) -> Run | None:
    """The first run later than an instant; None if there is none in fifty years."""
    return next(runs_after(schedule, after), None)


def due_runs(schedule: Schedule, since: datetime, now: datetime) -> list[Run]:
    """What to submit of the runs that fell due later than `since`, up to now.

    A run whose window is over is left out, and of missed ones those that `catch_up` does not ask
    for.
    """
    due: list[Run] = []
    for run in runs_after(schedule, since):
        if run.at > now:
            break
        if run.deadline is None or run.deadline > now:
            due.append(run)
    if schedule.catch_up:
        return due
    if schedule.catch_up is False:
        return [run for run in due if (now - run.at).total_seconds() <= LATE_SECONDS]
    return due[-1:]


def run_id(run: Run) -> UUID:
    """The id of a run's job: the same wherever and whenever it is submitted."""
    return uuid5(_RUN_IDS, f"{run.schedule.name}\n{run.at.isoformat()}")


def submission(run: Run) -> JobSubmit:
    """What a run submits."""
    return run.schedule.job.model_copy(update={"id": run_id(run), "deadline": run.deadline})


def parse_schedules(entries: Sequence[Mapping[str, Any]]) -> tuple[Schedule, ...]:
    """Read the entries of `[[schedule]]`.

    Raises:
        ConfigurationError: one is wrong; the line names the schedule and the field.
    """
    schedules: dict[str, Schedule] = {}
    for number, entry in enumerate(entries, start=1):
        given = entry.get("name")
        label = f"schedule {given!r}" if isinstance(given, str) else f"schedule number {number}"
        try:
            schedule = _schedule(entry)
        except ValidationError as error:
            known = (*_Timing.model_fields, *(_job_fields()))
            raise ConfigurationError(f"{label}: {explain(error, known=known)}") from error
        if schedule.name in schedules:
            raise ConfigurationError(f"{label}: name: two schedules have this name")
        schedules[schedule.name] = schedule
    return tuple(schedules.values())


class _Timing(BaseModel):
    """The fields of an entry that are not the job's."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    cron: str
    timezone: str = "UTC"
    within: str | None = None
    until: time | None = None
    catch_up: bool | None = None

    @field_validator("cron")
    @classmethod
    def _a_cron_expression(cls, value: str) -> str:
        if len(value.split()) != CRON_FIELDS:
            raise ValueError("write minute, hour, day of the month, month, day of the week")
        try:
            next(CronSim(value, datetime(2000, 1, 1, tzinfo=UTC)))
        except CronSimError as error:
            raise ValueError(str(error)) from None
        except StopIteration:
            raise ValueError("it never comes") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _a_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("use an IANA time zone, such as Europe/Berlin") from None
        return value

    @field_validator("within")
    @classmethod
    def _a_duration(cls, value: str | None) -> str | None:
        if value is not None and parse_duration(value) > LONGEST_WINDOW_SECONDS:
            raise ValueError("use no more than 366d")
        return value

    @field_validator("until")
    @classmethod
    def _on_the_wall(cls, value: time | None) -> time | None:
        if value is not None and (value.tzinfo is not None or value.second or value.microsecond):
            raise ValueError("write a time of the schedule's time zone, such as 07:00")
        return value

    @model_validator(mode="after")
    def _one_window(self) -> "_Timing":
        if self.within is not None and self.until is not None:
            raise ValueError("give within or until, not both")
        return self


class _JobOfSchedule(JobSubmit):
    """A submission without the fields that each run gets for itself."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_of_a_single_run(cls, values: Any) -> Any:  # noqa: ANN401 - as it was written
        for name, hint in _NOT_FOR_SCHEDULES.items():
            if isinstance(values, Mapping) and name in values:
                raise ValueError(f"{name}: not in a schedule; {hint}")
        return values


def _schedule(entry: Mapping[str, Any]) -> Schedule:
    timing = _Timing.model_validate(dict(entry))
    job = _JobOfSchedule.model_validate(timing.model_extra or {})
    return Schedule(
        name=timing.name,
        cron=timing.cron,
        zone=ZoneInfo(timing.timezone),
        job=JobSubmit.model_validate(job.model_dump()),
        within_seconds=None if timing.within is None else parse_duration(timing.within),
        until=timing.until,
        catch_up=timing.catch_up,
    )


def _job_fields() -> Iterator[str]:
    return (name for name in JobSubmit.model_fields if name not in _NOT_FOR_SCHEDULES)


def _instants(schedule: Schedule, after: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When runs fall due, and the times on the wall that are meant."""
    local = after.astimezone(schedule.zone)
    if schedule.cron.split()[1].startswith("*"):
        for at in CronSim(schedule.cron, local):
            yield at.astimezone(UTC), at.replace(tzinfo=None)
    else:
        for wall in CronSim(schedule.cron, local.replace(tzinfo=None)):
            yield instant_of(wall, schedule.zone), wall


def _deadline(schedule: Schedule, at: datetime, wall: datetime) -> datetime | None:
    if schedule.until is not None:
        return next_time_of_day(at, schedule.until, schedule.zone, wall)
    if schedule.within_seconds is not None:
        return at + timedelta(seconds=schedule.within_seconds)
    return None

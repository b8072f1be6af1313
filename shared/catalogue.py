"""The job catalogue: what a job of a type gets where its submission is silent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.bands import Band
from shared.domain.jobs import Job, OnDeadline, Priority
from shared.errors import ConfigurationError, InvalidJob
from shared.jobs_file import read_jobs_file
from shared.messages import JobSubmit, Kwh, Seconds, Watts, explain
from shared.settings import JobsSettings

T = TypeVar("T", bool, int)


class JobDefaults(BaseModel):
    """What the catalogue says of a type; None leaves it to the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_band: Band | None = None
    priority: Priority | None = None
    deadline_seconds: Seconds | None = None
    expected_duration_seconds: Seconds | None = None
    power_watts: Watts | None = None
    energy_kwh: Kwh | None = None
    retries: Annotated[int, Field(ge=0, le=100)] | None = None
    timeout_seconds: Seconds | None = None
    interruptible: bool | None = None
    on_deadline: OnDeadline | None = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: dict[str, JobDefaults] = Field(default_factory=dict)
    schedule: Any = None  # shared/schedules.py reads these


def load_catalogue(path: Path) -> Mapping[str, JobDefaults]:
    """Read the catalogue in `jobs.toml`; a file that is absent is an empty one.

    Raises:
        ConfigurationError: it is not TOML, or a field is wrong.
    """
    try:
        return _File.model_validate(read_jobs_file(path)).jobs
    except ValidationError as error:
        raise ConfigurationError(f"JOBS_FILE: {path}: {explain(error)}") from error


@dataclass(frozen=True, slots=True)
class Door:
    """Turns a submission into a job with every open question answered."""

    catalogue: Mapping[str, JobDefaults]
    settings: JobsSettings

    def accept(self, submit: JobSubmit, job_id: UUID, now: datetime) -> Job:
        """Fill in what the submission leaves open: from the catalogue, then from the settings.

        Raises:
            InvalidJob: it asks for a region that this deployment does not serve.
        """
        defaults, settings = self.catalogue.get(submit.type, JobDefaults()), self.settings
        own_energy = submit.power_watts is not None or submit.energy_kwh is not None
        energy = submit if own_energy else defaults
        return Job(
            id=job_id,
            type=submit.type,
            priority=submit.priority or defaults.priority or settings.default_priority,
            max_band=submit.max_band or defaults.max_band or settings.default_max_band,
            submitted_at=now,
            deadline=self._deadline(submit, defaults, now),
            expected_duration_seconds=submit.expected_duration_seconds
            or defaults.expected_duration_seconds
            or settings.default_expected_duration_seconds,
            regions=self._regions(submit),
            power_watts=energy.power_watts,
            energy_kwh=energy.energy_kwh,
            interruptible=_first(submit.interruptible, defaults.interruptible, fallback=False),
            on_deadline=submit.on_deadline or defaults.on_deadline or settings.default_on_deadline,
            retries=_first(submit.retries, defaults.retries, fallback=settings.default_retries),
            timeout_seconds=submit.timeout_seconds or defaults.timeout_seconds,
        )

    def _deadline(self, submit: JobSubmit, defaults: JobDefaults, now: datetime) -> datetime:
        if submit.deadline is not None:
            return submit.deadline
        seconds = (
            submit.deadline_seconds
            or defaults.deadline_seconds
            or self.settings.default_deadline_seconds
        )
        return now + timedelta(seconds=seconds)

    def _regions(self, submit: JobSubmit) -> tuple[str, ...]:
        served = self.settings.regions
        asked = submit.regions or ((submit.region,) if submit.region else served[:1])
        self.check_regions(asked)
        return asked

    def check_regions(self, asked: Sequence[str]) -> None:
        """Make sure that every region is served here, and that there is one.

        Raises:
            InvalidJob: it is not.
        """
        served = ", ".join(self.settings.regions)
        if not asked:
            raise InvalidJob(f"regions: name at least one of {served}")
        for region in asked:
            if region not in self.settings.regions:
                raise InvalidJob(f"region: {region!r} is not served here; use one of {served}")


def _first(*values: T | None, fallback: T) -> T:
    return next((value for value in values if value is not None), fallback)

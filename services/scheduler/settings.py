"""Settings of the scheduler."""

from pydantic import Field

from shared.domain.bands import Band
from shared.domain.jobs import OnDeadline, Priority
from shared.settings import BrokerSettings, JobsFile


class SchedulerSettings(BrokerSettings, JobsFile):
    """What the scheduler reads from the environment."""

    default_max_band: Band = Field(Band.LOW, description="carbon requirement of a silent job")
    default_priority: Priority = Field(Priority.NORMAL, description="priority of a silent job")
    default_deadline_seconds: float = Field(
        86_400.0, gt=0, description="latest finish of a silent job, from its submission"
    )
    default_expected_duration_seconds: float = Field(
        300.0, gt=0, description="expected duration of a silent job"
    )
    default_retries: int = Field(3, ge=0, le=100, description="retries of a silent job")
    default_on_deadline: OnDeadline = Field(
        OnDeadline.RUN, description="run or expire, when a deadline can no longer be met"
    )
    margin_seconds: float = Field(60.0, ge=0, description="safety kept before a latest start")
    standby_seconds: float = Field(2.0, gt=0, description="how often a standby tries to lead")
    idempotency_hours: float = Field(
        24.0,
        gt=0,
        le=168,
        description="how long an idempotency key or an own id stands for its job",
    )

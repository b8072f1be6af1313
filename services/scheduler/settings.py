"""Settings of the scheduler."""

from pydantic import Field

from shared.settings import JobsSettings


class SchedulerSettings(JobsSettings):
    """What the scheduler reads from the environment."""

    standby_seconds: float = Field(2.0, gt=0, description="how often a standby tries to lead")

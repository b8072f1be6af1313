"""Settings of a worker pool."""

from pydantic import Field

from shared.settings import BrokerSettings


class WorkerSettings(BrokerSettings):
    """What a worker pool reads from the environment."""

    handlers: str = Field("", description="module with the job handlers, such as myjobs.handlers")
    base_consumers: int = Field(4, ge=1, le=1000, description="jobs run at once in a medium band")
    base_prefetch: int = Field(1, ge=1, le=1000, description="messages held per consumer and lane")
    drain_seconds: float = Field(30.0, ge=0, description="time that running jobs get at a stop")

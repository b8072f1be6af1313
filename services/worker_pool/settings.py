"""Settings of a worker pool."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.domain.energy import WATTS_PER_CORE
from shared.metering import EnergyMeter
from shared.settings import BrokerSettings


class WorkerSettings(BrokerSettings):
    """What a worker pool reads from the environment."""

    handlers: str = Field("", description="module with the job handlers, such as myjobs.handlers")
    commands: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="exact paths of the executables that jobs of the type command may run, "
        "separated by commas; none switches that off",
    )
    command_timeout_seconds: float = Field(
        3600.0, gt=0, description="time limit of a command; its job may bring a shorter one"
    )
    base_consumers: int = Field(4, ge=1, le=1000, description="jobs run at once in a medium band")
    base_prefetch: int = Field(1, ge=1, le=1000, description="messages held per consumer and lane")
    drain_seconds: float = Field(
        25.0, ge=0, description="time that running jobs get at a stop; Kubernetes kills after 30"
    )
    cancel_grace_seconds: float = Field(
        10.0, ge=0, description="time that a cancelled job gets to stop by itself"
    )
    eco_off_backlog: float = Field(
        1.0,
        ge=0,
        description="more urgent jobs waiting than this many times the band's capacity give a "
        "pool its base capacity; 0 never does",
    )
    energy_meter: EnergyMeter = Field(
        EnergyMeter.AUTO,
        description="how jobs' energy is metered: `rapl` (the processors' counters), `codecarbon` "
        "(needs the extra of that name), `none`, or `auto`: RAPL where it is readable",
    )
    watts_per_core: float = Field(
        WATTS_PER_CORE,
        ge=0,
        description="power of one fully used logical CPU, for jobs that declare no energy where "
        "none is measured",
    )

    @field_validator("commands", mode="before")
    @classmethod
    def _commands_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

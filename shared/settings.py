"""Settings that more than one program reads; built only in a `__main__`.

Order: environment, then `.env` in the working directory, then a file of the variable's name in
the folder of secrets, then the default written here.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from shared.domain.bands import Band
from shared.domain.jobs import OnDeadline, Priority
from shared.errors import ConfigurationError
from shared.messages import explain


class SecretsFolder(BaseSettings):
    """Where secrets lie as files, one for each variable in lower case: `watttime_password`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    secrets_dir: Path = Field(Path("/run/secrets"), description="folder of secrets as files")


class Settings(BaseSettings):
    """What every program has: how it logs."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool | None = Field(
        None, description="JSON logs; by default only where the output is no terminal"
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: a variable is wrong; the one line names it.
        """
        try:
            folder = SecretsFolder().secrets_dir
            source = {"_secrets_dir": folder} if folder.is_dir() else {}
            return cls(**source)  # type: ignore[arg-type]  # not a field but an option of pydantic's
        except ValidationError as error:
            raise ConfigurationError(f"bad setting: {explain(error)}") from error
        except SettingsError as error:
            raise ConfigurationError(f"bad setting: {error}") from error


class BrokerSettings(Settings):
    """How to reach RabbitMQ, and the shape of the deployment's queues."""

    amqp_url: str = Field(
        "amqp://guest:guest@127.0.0.1:5672/", description="RabbitMQ's address", repr=False
    )
    namespace: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]*$", description="prefix of every exchange and queue"
    )
    regions: Annotated[tuple[str, ...], NoDecode] = Field(
        ("CAISO_NORTH",),
        validation_alias=AliasChoices("regions", "watttime_region", "ba_code"),
        description="grid regions to run in, separated by commas; BA_CODE is the older name",
    )
    slot_seconds: float = Field(300.0, gt=0, description="length of a slot of the timetable")
    wheel_slots: int = Field(288, ge=2, le=1000, description="how many delayed queues there are")
    health_host: str = Field("127.0.0.1", description="where /livez, /readyz, /metrics listen")
    health_port: int = Field(0, ge=0, le=65535, description="their port; 0 serves none")
    beat_seconds: float = Field(10.0, gt=0, description="how often a service says it is alive")

    @field_validator("regions", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("regions")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one grid region, such as CAISO_NORTH")
        return value


class LedgerAddress(Settings):
    """Where the ledger's database is."""

    ledger_url: str = Field(
        f"sqlite:///{Path('.carbon-aware/ledger.db')}",
        description="SQLAlchemy address of the ledger's database",
        repr=False,
    )


class JobsFile(Settings):
    """Where the job catalogue and the periodic jobs are written."""

    jobs_file: Path = Field(
        Path("jobs.toml"), description="the job catalogue and the periodic jobs; may be absent"
    )


class JobsSettings(BrokerSettings, JobsFile):
    """What a submission gets where neither it nor the catalogue says anything."""

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
    idempotency_hours: float = Field(
        24.0,
        gt=0,
        le=168,
        description="how long an idempotency key or an own id stands for its job",
    )

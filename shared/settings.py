"""Settings that more than one program reads; built only in a `__main__`.

Order: environment, then `.env` in the working directory, then a file of the variable's name in
the folder of secrets, then the default written here.
"""

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AliasChoices,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from yarl import URL

from shared.domain.bands import Band
from shared.domain.embodied import Server
from shared.domain.jobs import OnDeadline, Priority
from shared.errors import ConfigurationError
from shared.messages import explain


class SecretsFolder(BaseSettings):
    """Where secrets lie as files, one for each variable in lower case: `watttime_password`.

    Those that an operator gives and those that a deployment makes for itself lie apart; a folder
    that does not exist holds none.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    secrets_dir: str = Field(
        "/run/secrets:/run/credentials",
        description="folders of secrets as files, separated by colons; a later one wins",
    )

    def folders(self) -> list[Path]:
        """Those that exist."""
        paths = (Path(part) for part in self.secrets_dir.split(":") if part)
        return [path for path in paths if path.is_dir()]


class Settings(BaseSettings):
    """What every program has: how it logs."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool | None = Field(
        None, description="JSON logs; by default only where the output is no terminal"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="OpenTelemetry collector that gets traces, such as http://127.0.0.1:4318; "
        "needs the extra `otel`",
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: a variable is wrong, or a file cannot be read; the one line names
                it.
        """
        try:
            folders = SecretsFolder().folders()
            source = {"_secrets_dir": folders} if folders else {}
            return cls(**source)  # type: ignore[arg-type]  # not a field but an option of pydantic's
        except ValidationError as error:
            raise ConfigurationError(f"bad setting: {explain(error)}") from error
        except (SettingsError, OSError) as error:
            raise ConfigurationError(f"bad setting: {_why(error)}") from error

    def in_force(self) -> dict[str, str | int | float | bool | None]:
        """Every setting that anybody may see, as plain values: neither secrets nor addresses.

        A secret is a `SecretStr`; what may hold one inside, such as a database's address, is kept
        out of `repr` and so is not told here.
        """
        fields = type(self).model_fields.items()
        told = ((name, getattr(self, name)) for name, field in fields if field.repr)
        return {name: _plain(value) for name, value in told if not isinstance(value, SecretStr)}


def _why(error: Exception) -> str:
    """Of a file that cannot be read, which one, and who would have to be able to."""
    cause = error if isinstance(error, OSError) else error.__cause__
    if not isinstance(cause, OSError) or cause.filename is None:
        return str(error)
    reader = f"; the program runs as user {os.geteuid()}, who has to be able to read it"
    who = reader if isinstance(cause, PermissionError) else ""
    return f"{cause.filename}: {cause.strerror}{who}"


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


class TlsFiles(Settings):
    """What proves to each other who the broker and a program are, on an `amqps` address."""

    amqp_ca_file: FilePath | None = Field(
        None, description="certificates that the broker's is checked with, instead of the system's"
    )
    amqp_cert_file: FilePath | None = Field(
        None, description="the client's own certificate, where the broker asks for one"
    )
    amqp_key_file: FilePath | None = Field(None, description="that certificate's private key")

    def secured(self, url: str) -> str:
        """An address with these files, in the form that AMQP's client reads.

        Raises:
            ValueError: they do not go together, or the address has no TLS.
        """
        if (self.amqp_cert_file is None) != (self.amqp_key_file is None):
            raise ValueError("AMQP_CERT_FILE and AMQP_KEY_FILE go together: set both or neither")
        files = {
            "cafile": self.amqp_ca_file,
            "certfile": self.amqp_cert_file,
            "keyfile": self.amqp_key_file,
        }
        chosen = {name: str(path) for name, path in files.items() if path is not None}
        if chosen and not url.startswith("amqps://"):
            raise ValueError("AMQP_CA_FILE and AMQP_CERT_FILE need an AMQP_URL with amqps://")
        return str(URL(url).update_query(chosen)) if chosen else url


class BrokerSettings(TlsFiles):
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

    @model_validator(mode="after")
    def _with_tls(self) -> Self:
        # Whoever is handed the address has the files too; the model itself stays frozen.
        object.__setattr__(self, "amqp_url", self.secured(self.amqp_url))
        return self

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


class ServerSettings(Settings):
    """What jobs run on, where its making is to be counted in reports."""

    embodied_kg_per_server: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="CO2e of making a server, in kg, for SCI; Cloud Carbon Footprint takes 1000",
    )
    server_lifetime_years: float = Field(
        4.0, gt=0, allow_inf_nan=False, description="over which it is spread, years of 365 days"
    )
    jobs_per_server: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="how many jobs share a server at a time"
    )

    @property
    def server(self) -> Server | None:
        """What jobs run on, for the embodied share of SCI; None where that is not known."""
        if self.embodied_kg_per_server is None:
            return None
        return Server(self.embodied_kg_per_server, self.server_lifetime_years, self.jobs_per_server)


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
        86_400.0,
        gt=0,
        le=366 * 86_400,
        description="latest finish of a silent job, from its submission",
    )
    default_expected_duration_seconds: float = Field(
        300.0, gt=0, le=366 * 86_400, description="expected duration of a silent job"
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

"""What the emulator can be told; see `.env.example` for the same in one place."""

import ipaddress
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.watttime_emulator.accounts import Plan
from shared.settings import Settings


class RegionFiles(NamedTuple):
    """A further region and the recording to replay for it."""

    name: str
    trace: Path
    forecasts: Path | None


class EmulatorSettings(Settings):
    """Where the emulator listens, whom it knows and what it replays."""

    emulator_host: str = Field("127.0.0.1", description="loopback address to listen on")
    emulator_port: int = Field(8077, ge=0, le=65535, description="port; 0 takes any free one")
    emulator_ready_file: Path | None = Field(
        None, description='file that gets {"url": ...} once the emulator listens'
    )
    emulator_username: str = Field("demo", min_length=1, description="the user who may log in")
    emulator_password: SecretStr = Field(
        SecretStr("carbon-aware-1"), description="the user's password"
    )
    emulator_plan: Plan = Field(
        Plan.FULL, description="full, or free: grams for CAISO_NORTH only, elsewhere the index"
    )
    emulator_speed: float = Field(
        1.0, gt=0, description="how much faster than recorded; 300 / speed must be whole seconds"
    )
    emulator_start: AwareDatetime | None = Field(
        None, description="recorded time to begin with; by default one with a week before it"
    )
    emulator_trace: Path | None = Field(
        None, description="CSV to replay for CAISO_NORTH instead of the bundled recording"
    )
    emulator_forecasts: Path | None = Field(
        None, description="CSV of the forecasts that were issued for that trace"
    )
    emulator_revision_percent: float = Field(
        0.0,
        gt=-100,
        allow_inf_nan=False,
        description="by how much the history of a point is revised once it is old; 0 never",
    )
    emulator_revision_hours: float = Field(
        6.0, ge=0, description="how old it is then, in hours of the recording"
    )
    emulator_regions: Annotated[tuple[RegionFiles, ...], NoDecode] = Field(
        (), description="further regions: NAME=trace.csv or NAME=trace.csv|forecasts.csv, commas"
    )

    @field_validator("emulator_host")
    @classmethod
    def _loopback_only(cls, value: str) -> str:
        """Keep a tool with a known password and no encryption off the network."""
        address = "127.0.0.1" if value == "localhost" else value
        try:
            is_loopback = ipaddress.ip_address(address).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise ValueError("the emulator listens on loopback only: use 127.0.0.1 or ::1")
        return address

    @field_validator("emulator_regions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(_region_files(part.strip()) for part in value.split(",") if part.strip())
        return value


def _region_files(text: str) -> RegionFiles:
    name, equals, files = text.partition("=")
    trace, _, forecasts = files.partition("|")
    if not (equals and name.strip() and trace.strip()):
        raise ValueError(f"{text!r} is not NAME=trace.csv")
    forecasts = forecasts.strip()
    return RegionFiles(name.strip(), Path(trace.strip()), Path(forecasts) if forecasts else None)

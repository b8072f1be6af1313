"""Settings of the intensity publisher."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr

from shared.domain.grid import Signal
from shared.settings import BrokerSettings


class BandMode(StrEnum):
    """How a value gets its band."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    INDEX = "index"


class PublisherSettings(BrokerSettings):
    """What the intensity publisher reads from the environment."""

    watttime_username: str = Field("", description="WattTime account; empty means the emulator")
    watttime_password: SecretStr = Field(SecretStr(""), description="its password")
    watttime_url: str = Field("https://api.watttime.org", description="WattTime's API")
    forecast_hours: int = Field(
        48,
        ge=0,
        le=72,
        description="how far ahead forecasts reach: asked for, then continued by the built-in one",
    )
    sources: str = Field(
        "",
        description="sources in their order, such as watttime@900>electricity_maps@7200, for all "
        "regions or REGION=... each, separated by commas; the number is when data count as stale",
    )
    electricity_maps_token: SecretStr = Field(
        SecretStr(""), description="key of Electricity Maps (average intensities)"
    )
    electricity_maps_zones: str = Field(
        "", description="zones by region where the names differ: CAISO_NORTH=US-CAL-CISO"
    )
    recorded_trace: Path | None = Field(
        None, description="CSV of intensities that the source recorded_trace replays"
    )
    recorded_forecasts: Path | None = Field(
        None, description="CSV of the forecasts that were issued for it"
    )
    recorded_trace_signal: Signal = Field(
        Signal.MARGINAL, description="what that CSV holds: marginal or average"
    )
    band_mode: BandMode = Field(
        BandMode.RELATIVE,
        description="relative (to the last week), absolute (150/250/400/550 g/kWh) or index",
    )
    band_history_seconds: float = Field(
        7 * 86_400.0,
        gt=0,
        description="a week, shorter where time is replayed faster: the relative bands' window",
    )
    reread_seconds: float = Field(
        6 * 3600.0,
        ge=0,
        description="how often two days of a source's history are read again for revisions, and "
        "once a day the week; 0 never",
    )
    source_timeout_seconds: float = Field(
        15.0, gt=0, description="time limit of one request to a source"
    )

"""Electricity Maps' answers, read with care: only our own error comes out of a bad one."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from services.intensity_publisher.providers.answers import (
    HIGHEST_AVERAGE_G_PER_KWH,
    Instant,
    Lenient,
    one_line,
    read,
    spacing,
)
from services.intensity_publisher.providers.series import even_series, from_now
from shared.domain.grid import Forecast
from shared.errors import SourceUnreachable

LOWEST_LIFE_CYCLE_G_PER_KWH = 1.0  # building any plant costs more, so a zero is no data


class Granularity(StrEnum):
    """How long a point of Electricity Maps' holds."""

    FIVE_MINUTES = "5_minutes"
    FIFTEEN_MINUTES = "15_minutes"
    HOURLY = "hourly"

    @property
    def seconds(self) -> float:
        """Its length."""
        return {"5_minutes": 300.0, "15_minutes": 900.0, "hourly": 3600.0}[self.value]


def _granularity_or_none(value: object) -> object:
    return value if isinstance(value, str) and value in set(Granularity) else None


def _text_or_none(value: object) -> str | None:
    return one_line(value) if value else None


class LatestAnswer(Lenient):
    """The latest intensity; no text and no truth value passes for a number."""

    zone: str | None = None
    intensity: Annotated[
        float,
        Field(
            alias="carbonIntensity",
            strict=True,
            ge=LOWEST_LIFE_CYCLE_G_PER_KWH,
            le=HIGHEST_AVERAGE_G_PER_KWH,
        ),
    ]
    at: Instant = Field(alias="datetime")
    factors: str | None = Field(None, alias="emissionFactorType")
    flow_traced: bool | None = Field(None, alias="flowTraced")
    estimated: bool | None = Field(None, alias="isEstimated")
    method: Annotated[str | None, BeforeValidator(_text_or_none)] = Field(
        None, alias="estimationMethod"
    )
    granularity: Annotated[Granularity | None, BeforeValidator(_granularity_or_none)] = Field(
        None, alias="temporalGranularity"
    )


class _ForecastPoint(Lenient):
    intensity: Annotated[float | None, Field(strict=True)] = Field(None, alias="carbonIntensity")
    at: Instant = Field(alias="datetime")


class _ForecastAnswer(Lenient):
    zone: str | None = None
    forecast: tuple[_ForecastPoint, ...]
    updated_at: Instant | None = Field(None, alias="updatedAt")


def read_latest(text: str, zone: str) -> LatestAnswer:
    """The latest intensity of a zone.

    Raises:
        SourceUnreachable: there is none, or it is of another zone or kind.
    """
    latest = read(LatestAnswer, text, "Electricity Maps' latest")
    _require_zone(latest.zone, zone)
    if latest.factors not in {None, "lifecycle"}:
        raise SourceUnreachable(
            f"Electricity Maps' latest has {one_line(latest.factors)} factors, expected lifecycle"
        )
    return latest


def read_forecast(
    text: str, zone: str, granularity: Granularity, now: datetime
) -> tuple[Forecast, tuple[str, ...]]:
    """The forecast of a zone from now on, and what is odd about it.

    Raises:
        SourceUnreachable: there is none.
    """
    answer = read(_ForecastAnswer, text, "Electricity Maps' forecast")
    _require_zone(answer.zone, zone)
    # The points may be further apart than was asked for, which must not look like gaps.
    period = spacing([point.at for point in answer.forecast], granularity.seconds)
    points = [(point.at, point.intensity) for point in answer.forecast]
    try:
        lowest, highest = LOWEST_LIFE_CYCLE_G_PER_KWH, HIGHEST_AVERAGE_G_PER_KWH
        series = from_now(even_series(points, period, lowest=lowest, highest=highest), now)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"Electricity Maps' forecast: {error}") from error
    forecast = Forecast(
        generated_at=answer.updated_at or series.start,
        start=series.start,
        period_seconds=series.period_seconds,
        values_g_per_kwh=series.values,
    )
    return forecast, series.warnings


def _require_zone(answered: str | None, asked: str) -> None:
    if answered is not None and answered != asked:
        raise SourceUnreachable(
            f"Electricity Maps answered for the zone {one_line(answered)}, asked was {asked}"
        )

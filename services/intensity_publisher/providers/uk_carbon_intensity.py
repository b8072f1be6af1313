"""The UK Carbon Intensity API: average intensities of Great Britain, half-hourly, without a key.

The facts behind the rules: errors come with status 200; an unknown postcode and a time beyond
the horizon give null; a regional answer may be a list or an object, and is always a forecast.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import httpx
from pydantic import BeforeValidator, Field, model_validator

from services.intensity_publisher.providers import Observation
from services.intensity_publisher.providers.answers import (
    HIGHEST_AVERAGE_G_PER_KWH,
    Instant,
    Lenient,
    error_text,
    read,
)
from services.intensity_publisher.providers.http import Observer, SourceHttp, is_simulated
from services.intensity_publisher.providers.series import even_series, from_now
from shared.domain.grid import Forecast, Reading, Signal
from shared.errors import ConfigurationError, SourceUnreachable

PERIOD_SECONDS = 1800.0
NATIONAL = "GB"
HIGHEST_REGION = 18  # 14 network regions, 3 nations, and Great Britain
POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?")


_Number = Annotated[float | None, Field(strict=True)]  # no text, no truth value


class _Intensity(Lenient):
    forecast: _Number = None
    actual: _Number = None


class HalfHour(Lenient):
    """One point; what is to come has no `actual`, and regions never have one."""

    at: Instant = Field(alias="from")
    intensity: _Intensity

    @property
    def value(self) -> float | None:
        """The best that is known of it, in g/kWh; None where that is nothing or absurd."""
        for value in (self.intensity.actual, self.intensity.forecast):
            if value is not None and 0 <= value <= HIGHEST_AVERAGE_G_PER_KWH:
                return value
        return None


def _flat(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Half hours, whether they come bare, in a region, or in a list of regions."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    flat: list[Any] = []
    for each in listed:
        inner = each["data"] if isinstance(each, dict) and "data" in each else [each]
        flat.extend(inner if isinstance(inner, list) else [inner])
    return flat


class _Answer(Lenient):
    data: Annotated[tuple[HalfHour, ...], BeforeValidator(_flat)] = ()
    error: Any = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        return {} if value is None else value


class UkCarbonIntensity:
    """Asks for Great Britain (`GB`), a region of it (`GB-13`) or a postcode's (`GB-SW1`)."""

    name = "uk_carbon_intensity"
    signal = Signal.AVERAGE

    def __init__(
        self,
        client: httpx.AsyncClient,
        clock: Callable[[], datetime],
        *,
        patience_seconds: float = 20.0,
        observer: Observer | None = None,
    ) -> None:
        """Take an httpx client whose base URL is https://api.carbonintensity.org.uk.

        Args:
            client: with time limits set.
            clock: the time.
            patience_seconds: how long to go on trying before a request fails.
            observer: told of every request.
        """
        self._http = SourceHttp(
            client,
            self.name,
            clock,
            title="UK Carbon Intensity",
            patience_seconds=patience_seconds,
            observer=observer,
        )

    async def observe(self, region: str, now: datetime) -> Observation:
        """The half hour that holds now, and the next 48 hours."""
        current_path, ahead_path = _paths(region, now)
        current, simulated = await self._half_hours("intensity", current_path)
        ahead, told = await self._ahead(ahead_path)
        by_start = {each.at: each for each in (*ahead, *current)}
        holding = _holding(by_start, now)
        reading = Reading(
            region=region,
            at=holding.at,
            period_seconds=PERIOD_SECONDS,
            signal=self.signal,
            source=self.name,
            simulated=simulated,
            intensity_g_per_kwh=holding.value,
        )
        if holding.value != holding.intensity.actual:
            told = (*told, "no measured value of this half hour yet: its forecast is used")
        if not ahead:
            return Observation(reading, None, told)
        forecast, odd = _forecast(by_start, now)
        return Observation(reading, forecast, (*told, *odd))

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.close()

    async def _ahead(self, path: str) -> tuple[tuple[HalfHour, ...], tuple[str, ...]]:
        """The half hours to come, or why there are none: the reading counts without them."""
        try:
            return (await self._half_hours("forecast", path))[0], ()
        except SourceUnreachable as error:
            return (), (str(error),)

    async def _half_hours(self, endpoint: str, path: str) -> tuple[tuple[HalfHour, ...], bool]:
        response = await self._http.get(path, endpoint=endpoint)
        if response.status_code != HTTPStatus.OK:
            raise SourceUnreachable(
                f"UK Carbon Intensity answered {response.status_code} to {path}: "
                f"{error_text(response.text)}"
            )
        return read_half_hours(response.text, path), is_simulated(response)


def read_half_hours(text: str, path: str) -> tuple[HalfHour, ...]:
    """The half hours of any of its answers.

    Raises:
        SourceUnreachable: there is none, or the answer is an error after all.
    """
    answer = read(_Answer, text, "UK Carbon Intensity's")
    if answer.error is not None:
        raise SourceUnreachable(f"UK Carbon Intensity refuses {path}: {error_text(text)}")
    if not answer.data:
        raise SourceUnreachable(f"UK Carbon Intensity has nothing at {path}")
    return answer.data


def _paths(region: str, now: datetime) -> tuple[str, str]:
    """Where to ask for now and for what is to come.

    Raises:
        ConfigurationError: the region is not one of Great Britain's.
    """
    ahead = f"intensity/{now.astimezone(UTC):%Y-%m-%dT%H:%MZ}/fw48h"
    if region == NATIONAL:
        return "/intensity", f"/{ahead}"
    part = region.removeprefix(f"{NATIONAL}-") if region.startswith(f"{NATIONAL}-") else ""
    if re.fullmatch(r"[0-9]{1,2}", part) and 1 <= int(part) <= HIGHEST_REGION:
        return f"/regional/regionid/{int(part)}", f"/regional/{ahead}/regionid/{int(part)}"
    if POSTCODE.fullmatch(part):
        return f"/regional/postcode/{part}", f"/regional/{ahead}/postcode/{part}"
    raise ConfigurationError(
        f"UK Carbon Intensity knows GB, GB-1 to GB-{HIGHEST_REGION} and outward postcodes such "
        f"as GB-SW1, not {region!r}"
    )


def _holding(by_start: dict[datetime, HalfHour], now: datetime) -> HalfHour:
    for at, each in by_start.items():
        if at <= now < at + timedelta(seconds=PERIOD_SECONDS) and each.value is not None:
            return each
    raise SourceUnreachable("UK Carbon Intensity has no value for this half hour")


def _forecast(
    by_start: dict[datetime, HalfHour], now: datetime
) -> tuple[Forecast, tuple[str, ...]]:
    points = [(at, each.value) for at, each in by_start.items()]
    try:
        highest = HIGHEST_AVERAGE_G_PER_KWH
        series = from_now(even_series(points, PERIOD_SECONDS, lowest=0.0, highest=highest), now)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"UK Carbon Intensity's forecast: {error}") from error
    forecast = Forecast(
        generated_at=series.start,  # the answer does not say when it was made
        start=series.start,
        period_seconds=PERIOD_SECONDS,
        values_g_per_kwh=series.values,
    )
    return forecast, series.warnings

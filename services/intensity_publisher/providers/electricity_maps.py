"""Electricity Maps' API v3: average intensities, flow-traced, over the life cycle of plants.

The facts behind the rules: without a zone it takes that of the caller's address; a 401 may mean
a rate limit; the free plan has one zone and no forecast; the latest value is mostly estimated.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

import httpx

from services.intensity_publisher.providers import Observation, Refusal
from services.intensity_publisher.providers.answers import error_text, stale_warnings
from services.intensity_publisher.providers.electricity_maps_answers import (
    Granularity,
    LatestAnswer,
    read_forecast,
    read_latest,
)
from services.intensity_publisher.providers.http import Observer, SourceHttp, is_simulated
from shared.domain.grid import Forecast, Reading, Signal
from shared.errors import ConfigurationError, SourceUnreachable

ASK_REFUSED_EVERY = timedelta(days=1)
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class ElectricityMaps:
    """Asks Electricity Maps for average intensities, with a forecast where the plan has one."""

    name = "electricity_maps"
    signal = Signal.AVERAGE

    def __init__(
        self,
        client: httpx.AsyncClient,
        token: str,
        clock: Callable[[], datetime],
        *,
        zones: Mapping[str, str] | None = None,
        granularity: Granularity = Granularity.HOURLY,
        horizon_hours: int = 24,
        patience_seconds: float = 20.0,
        observer: Observer | None = None,
    ) -> None:
        """Take an httpx client whose base URL is https://api.electricitymaps.com.

        Args:
            client: with time limits set.
            token: the key of the account.
            clock: the time.
            zones: Electricity Maps' zone of each region; a region without one names its zone.
            granularity: the length of a point.
            horizon_hours: how much forecast to ask for.
            patience_seconds: how long to go on trying before a request fails.
            observer: told of every request.

        Raises:
            ConfigurationError: the key cannot be one.
        """
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable():
            raise ConfigurationError("the key for Electricity Maps is empty or no plain text")
        self._headers = {"auth-token": token}
        self._http = SourceHttp(
            client,
            self.name,
            clock,
            title="Electricity Maps",
            patience_seconds=patience_seconds,
            observer=observer,
        )
        self._zones = dict(zones or {})
        self._granularity = granularity
        self._horizon_hours = horizon_hours
        self._key_has_worked = False
        self._forecast_has_worked: set[str] = set()
        self._refusals: dict[str, Refusal] = {}

    async def observe(self, region: str, now: datetime) -> Observation:
        """The latest average intensity of the region's zone, and its forecast."""
        zone = self._zones.get(region, region)
        response = await self._ask("latest", zone)
        self._check(response, zone)
        self._key_has_worked = True
        latest = read_latest(response.text, zone)
        period = (latest.granularity or self._granularity).seconds
        if latest.at > now + timedelta(seconds=period):
            raise SourceUnreachable(
                f"Electricity Maps' latest point of {zone} is of {latest.at:%d %b %H:%M} UTC, "
                "which is yet to come"
            )
        reading = Reading(
            region=region,
            at=latest.at,
            period_seconds=period,
            signal=self.signal,
            source=self.name,
            simulated=is_simulated(response),
            intensity_g_per_kwh=latest.intensity,
        )
        stale = stale_warnings("the latest point", latest.at, period, now)
        forecast, told = await self._forecast(zone, now)
        return Observation(reading, forecast, (*_oddities(latest), *stale, *told))

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.close()

    async def _forecast(self, zone: str, now: datetime) -> tuple[Forecast | None, tuple[str, ...]]:
        """The forecast, or why there is none: the reading counts without it."""
        refusal = self._refusals.get(zone)
        if refusal is not None and now - refusal.at < ASK_REFUSED_EVERY:
            return None, (refusal.reason,)
        try:
            response = await self._ask("forecast", zone, horizonHours=str(self._horizon_hours))
            if response.status_code != HTTPStatus.OK:
                return None, (self._no_forecast(response, zone, now),)
            forecast, warnings = read_forecast(response.text, zone, self._granularity, now)
        except SourceUnreachable as error:
            return None, (str(error),)
        self._refusals.pop(zone, None)
        self._forecast_has_worked.add(zone)
        return forecast, warnings

    def _no_forecast(self, response: httpx.Response, zone: str, now: datetime) -> str:
        """Why there is none; a plan without it is asked again after a day."""
        text = (
            f"Electricity Maps answered {response.status_code} to the forecast of {zone}: "
            f"{error_text(response.text)}"
        )
        if response.status_code not in REFUSED:
            return text
        if zone in self._forecast_has_worked:  # so the plan has it, and the rate limit is hit
            return f"{text} (perhaps the rate limit)"
        reason = f"{text} (the free plan has no forecast)"
        self._refusals[zone] = Refusal(now, reason)
        return reason

    async def _ask(self, what: str, zone: str, **more: str) -> httpx.Response:
        parameters = {
            "zone": zone,
            "emissionFactorType": "lifecycle",
            "temporalGranularity": self._granularity.value,
            "disableCallerLookup": "true",  # else a wrong zone would become the caller's own
            **more,
        }
        return await self._http.get(
            f"/v3/carbon-intensity/{what}", endpoint=what, params=parameters, headers=self._headers
        )

    def _check(self, response: httpx.Response, zone: str) -> None:
        status, told = response.status_code, error_text(response.text)
        if status == HTTPStatus.OK:
            return
        if status == HTTPStatus.BAD_REQUEST and "does not exist" in told:
            raise ConfigurationError(f"Electricity Maps does not know the zone {zone!r}: {told}")
        if status == HTTPStatus.UNAUTHORIZED and not self._key_has_worked:
            raise ConfigurationError(
                f"Electricity Maps refuses the key ({told}); check it, "
                "or wait if its rate limit may be used up"
            )
        limit = " (the key has worked before: perhaps the rate limit)"
        raise SourceUnreachable(
            f"Electricity Maps answered {status} to the latest intensity of {zone}: {told}"
            f"{limit if status == HTTPStatus.UNAUTHORIZED else ''}"
        )


def _oddities(latest: LatestAnswer) -> tuple[str, ...]:
    texts = []
    if latest.estimated:
        method = f" ({latest.method})" if latest.method else ""
        texts.append(f"the latest intensity is an estimate{method}; it settles hours later")
    if latest.flow_traced is False:
        texts.append("the latest intensity is not flow-traced")
    return tuple(texts)

"""WattTime's API v3 over httpx: login, signal index and forecast.

The facts behind the rules: a token lives 30 minutes; a wrong password is a 403 on /login; a 403
on data means that the account's plan lacks the region; unknown paths answer with a redirect.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import httpx
import stamina
import structlog

from services.intensity_publisher.providers import Observation
from services.intensity_publisher.providers.series import from_now
from services.intensity_publisher.providers.watttime_answers import (
    DataAnswer,
    error_text,
    read_data,
    read_index,
    read_moer,
    read_token,
)
from shared.domain.grid import Forecast, Reading, Signal
from shared.errors import CarbonAwareError, ConfigurationError, SourceUnreachable

TOKEN_LIFE = timedelta(minutes=25)  # of the 30 that WattTime grants
SIGNAL_TYPE = "co2_moer"
SIMULATED_HEADER = "x-simulated"
LONGEST_RETRY_AFTER_SECONDS = 60.0

log = structlog.get_logger()


class NotEntitled(CarbonAwareError):
    """The account's plan does not include this region or endpoint."""


class _TryAgain(SourceUnreachable):
    """A passing failure; `after_seconds` is what the server asked for."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


@dataclass(frozen=True, slots=True)
class Answered:
    """A good answer's text, and whether an emulator gave it."""

    text: str
    simulated: bool


class WattTime:
    """Asks WattTime for marginal intensities; regions outside the plan get the index only."""

    name = "watttime"
    signal = Signal.MARGINAL

    def __init__(
        self,
        client: httpx.AsyncClient,
        username: str,
        password: str,
        clock: Callable[[], datetime],
        *,
        horizon_hours: int = 24,
        patience_seconds: float = 20.0,
    ) -> None:
        """Take an httpx client whose base URL is WattTime's (or the emulator's) root.

        Args:
            client: with time limits set and redirects off.
            username: of the WattTime account.
            password: of the WattTime account.
            clock: the time.
            horizon_hours: how much forecast to ask for, 0 to 72.
            patience_seconds: how long to go on trying before an observation fails.
        """
        self._client = client
        self._auth = httpx.BasicAuth(username, password)
        self._clock = clock
        self._horizon_hours = horizon_hours
        self._patience_seconds = patience_seconds
        self._token: str | None = None
        self._token_at: datetime | None = None
        self._logging_in = asyncio.Lock()
        self._index_only: dict[str, datetime] = {}

    async def observe(self, region: str, now: datetime) -> Observation:
        """The index always, the marginal intensity and its forecast where the plan has them."""
        index_answer = await self._data("signal-index", region)
        index_data = read_data(index_answer.text, "signal-index")
        index_at, index = read_index(index_data)
        reading = Reading(
            region=region,
            at=index_at,
            period_seconds=index_data.meta.data_point_period_seconds,
            signal=self.signal,
            source=self.name,
            simulated=index_answer.simulated,
            index_percent=index,
        )
        if self._is_index_only(region, now):
            return Observation(reading, None, index_data.warnings())
        try:
            forecast_answer = await self._data(
                "forecast", region, horizon_hours=str(self._horizon_hours)
            )
        except NotEntitled as error:
            self._index_only[region] = now
            log.warning("region downgraded to the index only", region=region, reason=str(error))
            return Observation(reading, None, (*index_data.warnings(), str(error)))
        return _with_forecast(reading, read_data(forecast_answer.text, "forecast"), now)

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()

    def _is_index_only(self, region: str, now: datetime) -> bool:
        """A plan may change: a region that was refused is asked for again after a day."""
        since = self._index_only.get(region)
        return since is not None and now - since < timedelta(days=1)

    async def _data(self, endpoint: str, region: str, **more: str) -> Answered:
        """GET /v3/<endpoint>, logging in again once if the token is refused."""
        parameters = {"region": region, "signal_type": SIGNAL_TYPE, **more}
        for last_chance in (False, True):
            token = await self._valid_token()
            response = await self._get(
                f"/v3/{endpoint}", params=parameters, headers={"Authorization": f"Bearer {token}"}
            )
            if response.status_code == HTTPStatus.UNAUTHORIZED and not last_chance:
                self._token = None
                continue
            break
        if response.status_code == HTTPStatus.FORBIDDEN:
            raise NotEntitled(
                f"the WattTime plan has no {endpoint} for {region}: {error_text(response.text)}"
            )
        if response.status_code != HTTPStatus.OK:
            raise SourceUnreachable(
                f"WattTime answered {response.status_code} to {endpoint} for {region}: "
                f"{error_text(response.text)}"
            )
        return Answered(response.text, response.headers.get(SIMULATED_HEADER) == "true")

    async def _valid_token(self) -> str:
        async with self._logging_in:
            fresh = self._token_at is not None and self._clock() - self._token_at < TOKEN_LIFE
            if self._token is None or not fresh:
                self._token = await self._login()
                self._token_at = self._clock()
            return self._token

    async def _login(self) -> str:
        response = await self._get("/login", auth=self._auth)
        if response.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
            raise ConfigurationError(
                "WattTime refuses the login; check WATTTIME_USERNAME and WATTTIME_PASSWORD"
            )
        if response.status_code != HTTPStatus.OK:
            raise SourceUnreachable(
                f"WattTime answered {response.status_code} to the login: "
                f"{error_text(response.text)}"
            )
        return read_token(response.text)

    async def _get(self, path: str, **options: object) -> httpx.Response:
        """GET with retries on 429, 5xx and time-outs, honouring Retry-After."""
        async for attempt in stamina.retry_context(
            on=_when_to_retry, attempts=6, timeout=self._patience_seconds, wait_max=8.0
        ):
            with attempt:
                return await self._get_once(path, options)
        raise AssertionError("unreachable: the retries either return or raise")

    async def _get_once(self, path: str, options: dict[str, object]) -> httpx.Response:
        try:
            response = await self._client.get(path, **options)  # type: ignore[arg-type]  # passed through
        except httpx.HTTPError as error:
            raise _TryAgain(
                f"WattTime at {self._client.base_url} does not answer: "
                f"{str(error) or type(error).__name__}"
            ) from error
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _TryAgain(
                f"WattTime answered {status} to {path}: {error_text(response.text)}",
                _retry_after_seconds(response),
            )
        return response


def _with_forecast(index: Reading, answer: DataAnswer, now: datetime) -> Observation:
    series = from_now(read_moer(answer, "forecast"), now)
    reading = Reading(
        region=index.region,
        at=series.start,
        period_seconds=series.period_seconds,
        signal=index.signal,
        source=index.source,
        simulated=index.simulated,
        intensity_g_per_kwh=round(series.values[0], 2),
        index_percent=index.index_percent,
    )
    forecast = Forecast(
        generated_at=answer.meta.generated_at or series.start,
        start=series.start,
        period_seconds=series.period_seconds,
        values_g_per_kwh=tuple(round(value, 2) for value in series.values),
    )
    return Observation(reading, forecast, (*answer.warnings(), *series.warnings))


def _when_to_retry(error: Exception) -> bool | float:
    if not isinstance(error, _TryAgain):
        return False
    return True if error.after_seconds is None else error.after_seconds


def _retry_after_seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_RETRY_AFTER_SECONDS) if text.isdigit() else None

"""WattTime's API v3: signal index, forecast and history, and what the account allows.

In a region outside the plan the index goes on without grams, and the account's access list is
asked once a day whether that has changed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import structlog

from services.intensity_publisher.providers import Observation, Refusal
from services.intensity_publisher.providers.answers import stale_warnings
from services.intensity_publisher.providers.http import Observer, SourceHttp
from services.intensity_publisher.providers.series import from_now
from services.intensity_publisher.providers.watttime_account import (
    Access,
    Place,
    create_account,
    find_place,
    read_access,
)
from services.intensity_publisher.providers.watttime_answers import (
    DataAnswer,
    read_data,
    read_index,
    read_moer,
)
from services.intensity_publisher.providers.watttime_past import PastIntensities, past_intensities
from services.intensity_publisher.providers.watttime_session import NotEntitled, WattTimeSession
from shared.domain.grid import Forecast, Reading, Signal
from shared.errors import SourceUnreachable

ASK_ACCESS_EVERY = timedelta(days=1)

log = structlog.get_logger()


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
        observer: Observer | None = None,
    ) -> None:
        """Take an httpx client whose base URL is WattTime's (or the emulator's) root.

        Args:
            client: with time limits set.
            username: of the WattTime account; may be empty for `register`.
            password: of the WattTime account.
            clock: the time.
            horizon_hours: how much forecast to ask for, 0 to 72.
            patience_seconds: how long to go on trying before an observation fails.
            observer: told of every request.
        """
        self._http = SourceHttp(
            client,
            self.name,
            clock,
            title="WattTime",
            patience_seconds=patience_seconds,
            observer=observer,
        )
        self._session = WattTimeSession(self._http, username, password, clock)
        self._horizon_hours = horizon_hours
        self._refusals: dict[str, Refusal] = {}
        self._models: dict[tuple[str, str], str] = {}

    async def observe(self, region: str, now: datetime) -> Observation:
        """The index always, the marginal intensity and its forecast where the plan has them."""
        answered = await self._session.data("signal-index", {"region": region})
        answer = read_data(answered.text, "signal-index")
        at, index = read_index(answer)
        period = answer.meta.data_point_period_seconds
        reading = Reading(
            region=region,
            at=at,
            period_seconds=period,
            signal=self.signal,
            source=self.name,
            simulated=answered.simulated,
            index_percent=index,
        )
        odd = (
            *stale_warnings("the index", at, period, now),
            *self._model_warnings(region, "signal-index", answer),
        )
        if await self._may_have_forecast(region, now):
            try:
                return await self._with_forecast(reading, odd, now)
            except NotEntitled as error:
                self._refusals[region] = Refusal(now, str(error))
                log.warning("region downgraded to the index only", region=region, reason=str(error))
        return Observation(reading, None, (*answer.warnings(), *odd, self._refusals[region].reason))

    async def historical(self, region: str, start: datetime, end: datetime) -> PastIntensities:
        """What was recorded from `start` to `end`, both included, over any number of days.

        Raises:
            NotEntitled: a SourceUnreachable; the plan has no history of this region.
            SourceUnreachable: no usable answer.
            ConfigurationError: the login is refused.
        """
        return await past_intensities(self._session, region, start, end)

    async def my_access(self, region: str | None = None) -> Access:
        """Which regions, or whether this one, are open for which endpoints.

        Raises:
            SourceUnreachable: no usable answer.
            ConfigurationError: the login is refused.
        """
        answered = await self._session.data("my-access", {"region": region} if region else {})
        return read_access(answered.text)

    async def region_from_location(self, latitude: float, longitude: float) -> Place | None:
        """The region that a location lies in; None where WattTime covers none.

        Raises:
            SourceUnreachable: no usable answer.
            ConfigurationError: the login is refused.
        """
        return await find_place(self._session, latitude, longitude)

    async def register(
        self, username: str, password: str, email: str, org: str | None = None
    ) -> str:
        """Ask for a new account and give back what WattTime says; no login is needed.

        Raises:
            SourceUnreachable: no usable answer.
            ConfigurationError: the name is taken, or a field is wrong.
        """
        return await create_account(self._http, username, password, email, org)

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.close()

    async def _may_have_forecast(self, region: str, now: datetime) -> bool:
        """Whether to ask for a forecast: a plan may change, which the access list tells."""
        refusal = self._refusals.get(region)
        if refusal is None:
            return True
        if now - refusal.at < ASK_ACCESS_EVERY:
            return False
        self._refusals[region] = Refusal(now, refusal.reason)
        try:
            allowed = (await self.my_access(region)).allows(region, "forecast")
        except SourceUnreachable as error:
            log.warning("no access list, so the forecast is tried", error=str(error))
            return True
        if allowed:
            del self._refusals[region]
        return allowed

    async def _with_forecast(
        self, index: Reading, odd: tuple[str, ...], now: datetime
    ) -> Observation:
        parameters = {"region": index.region, "horizon_hours": str(self._horizon_hours)}
        answered = await self._session.data("forecast", parameters)
        answer = read_data(answered.text, "forecast")
        seen = _observation(index, answer, now)
        self._refusals.pop(index.region, None)
        changed = self._model_warnings(index.region, "forecast", answer)
        return Observation(seen.reading, seen.forecast, (*seen.warnings, *odd, *changed))

    def _model_warnings(self, region: str, endpoint: str, answer: DataAnswer) -> tuple[str, ...]:
        """A warning in the one observation in which a model takes over from another."""
        date = answer.model_date()
        if date is None:
            return ()
        before = self._models.get((region, endpoint), date)
        self._models[region, endpoint] = date
        if before == date:
            return ()
        return (f"WattTime's model of the {endpoint} changed from {before} to {date}",)


def _observation(index: Reading, answer: DataAnswer, now: datetime) -> Observation:
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
    generated_at = answer.meta.generated_at
    forecast = Forecast(
        generated_at=generated_at or series.start,
        start=series.start,
        period_seconds=series.period_seconds,
        values_g_per_kwh=tuple(round(value, 2) for value in series.values),
    )
    stale = stale_warnings("the forecast", generated_at, series.period_seconds, now)
    return Observation(reading, forecast, (*answer.warnings(), *series.warnings, *stale))

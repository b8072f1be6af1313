"""The one home of requests to sources: time limits, retries and what becomes of each request."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

import httpx
import stamina

from services.intensity_publisher.providers.answers import error_text, one_line
from shared.errors import ConfigurationError, SourceUnreachable

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 300.0  # the window of WattTime's limits
SIMULATED_HEADER = "x-simulated"

Observer = Callable[[str, str, str, float], None]
"""Told after each request: source, endpoint, outcome and how many seconds it took."""


class Outcome(StrEnum):
    """What became of one request."""

    OK = "ok"
    REDIRECTED = "redirected"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"  # any other 4xx
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class _TryAgain(SourceUnreachable):
    """A passing failure; `after_seconds` is what the server asked for."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class SourceHttp:
    """Requests to one source; a server that asks to be left alone for long is left alone."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        clock: Callable[[], datetime],
        *,
        title: str = "",
        patience_seconds: float = 20.0,
        observer: Observer | None = None,
    ) -> None:
        """Take an httpx client whose base URL is the source's.

        Args:
            client: with time limits set.
            name: of the source, for the observer.
            clock: the time, for what the server says in dates.
            title: of the source, for messages.
            patience_seconds: how long one request may take, and after which no other is tried.
            observer: told of every request.
        """
        self._client = client
        self._name = name
        self._title = title or name
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._observer = observer
        self._quiet_until: datetime | None = None

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()

    async def get(
        self,
        path: str,
        *,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
    ) -> httpx.Response:
        """GET with retries on 429, 5xx and time-outs, honouring Retry-After.

        Args:
            path: below the base URL.
            endpoint: its name for the observer and for messages.
            params: the query.
            headers: of the request.
            auth: name and password, if the endpoint wants them.

        Raises:
            SourceUnreachable: no answer below 500 other than 429 in time.
            ConfigurationError: the address is no address.
        """
        self._check_quiet()
        request = self._build("GET", path, params=params, headers=headers)
        async for attempt in stamina.retry_context(
            on=self._when_to_retry,
            attempts=ATTEMPTS,
            timeout=self._patience_seconds,
            wait_max=LONGEST_WAIT_SECONDS,
        ):
            with attempt:
                return await self._once(request, endpoint, auth)
        raise AssertionError("unreachable: the retries either return or raise")

    async def post(self, path: str, body: Mapping[str, str], *, endpoint: str) -> httpx.Response:
        """POST JSON, once: the first try may have had its effect although no answer came.

        Raises:
            SourceUnreachable: no answer below 500 other than 429 in time.
            ConfigurationError: the address is no address.
        """
        self._check_quiet()
        request = self._build("POST", path, json=dict(body))
        return await self._once(request, endpoint, None)

    def _build(self, method: str, path: str, **options: object) -> httpx.Request:
        try:
            return self._client.build_request(method, path, **options)  # type: ignore[arg-type]  # passed through
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConfigurationError(
                f"a request to {self._title} at {self._client.base_url} cannot be written: "
                f"{type(error).__name__}"
            ) from error

    async def _once(
        self, request: httpx.Request, endpoint: str, auth: httpx.BasicAuth | None
    ) -> httpx.Response:
        loop = asyncio.get_running_loop()
        began, outcome = loop.time(), Outcome.UNREACHABLE
        try:
            # httpx limits each read; a server that trickles would never come to an end.
            async with asyncio.timeout(self._patience_seconds):
                response = await self._client.send(request, auth=auth, follow_redirects=False)
            outcome = _outcome(response.status_code)
        except (TimeoutError, httpx.TimeoutException) as error:
            outcome = Outcome.TIMEOUT
            raise _TryAgain(f"{self._title} does not answer in time") from error
        except httpx.HTTPError as error:
            raise self._no_answer(error) from error
        finally:
            if self._observer is not None:
                self._observer(self._name, endpoint, outcome.value, loop.time() - began)
        if outcome in {Outcome.RATE_LIMITED, Outcome.SERVER_ERROR}:
            raise self._passing(response, endpoint)
        return response

    def _no_answer(self, error: httpx.HTTPError) -> SourceUnreachable | ConfigurationError:
        where = f"{self._title} at {self._client.base_url}"
        if isinstance(error, httpx.UnsupportedProtocol):
            return ConfigurationError(f"{where}: the address must begin with http:// or https://")
        # The text of this one may repeat a header, and so a secret.
        text = "" if isinstance(error, httpx.LocalProtocolError) else one_line(error)
        return _TryAgain(f"{where} does not answer: {text or type(error).__name__}")

    def _passing(self, response: httpx.Response, endpoint: str) -> _TryAgain:
        now = self._clock()
        asked = retry_after_seconds(response.headers.get("retry-after", ""), now)
        if asked is not None and asked > self._patience_seconds:
            self._quiet_until = now + timedelta(seconds=asked)
        return _TryAgain(
            f"{self._title} answered {response.status_code} to {endpoint}: "
            f"{error_text(response.text)}",
            asked,
        )

    def _when_to_retry(self, error: Exception) -> bool | float:
        if not isinstance(error, _TryAgain):
            return False
        if error.after_seconds is not None and error.after_seconds > self._patience_seconds:
            return False  # the next poll comes, or is put off, later
        return error.after_seconds or True

    def _check_quiet(self) -> None:
        until = self._quiet_until
        if until is not None and self._clock() < until:
            raise SourceUnreachable(
                f"{self._title} asked to be left alone until {until:%H:%M:%S} UTC"
            )


def retry_after_seconds(text: str, now: datetime) -> float | None:
    """What a Retry-After header asks for, in seconds or as a date; None where it makes no sense."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return min(float(text), LONGEST_RETRY_AFTER_SECONDS)
    try:
        at = parsedate_to_datetime(text)
        # The zone -0000 says UTC and comes without one.
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def is_simulated(response: httpx.Response) -> bool:
    """Whether an emulator answered."""
    return bool(response.headers.get(SIMULATED_HEADER) == "true")


def _outcome(status: int) -> Outcome:
    known = {
        HTTPStatus.UNAUTHORIZED: Outcome.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN: Outcome.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS: Outcome.RATE_LIMITED,
    }
    if status in known:
        return known[HTTPStatus(status)]
    by_hundred = {2: Outcome.OK, 3: Outcome.REDIRECTED, 4: Outcome.REFUSED}
    return by_hundred.get(status // 100, Outcome.SERVER_ERROR)

"""A login at WattTime and the requests that it allows.

The facts behind the rules: a token lives 30 minutes; a wrong password is a 403 on /login; a 403
on data means that the account's plan lacks the region; unknown paths answer with a redirect.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import httpx

from services.intensity_publisher.providers.answers import error_text
from services.intensity_publisher.providers.http import SourceHttp, is_simulated
from services.intensity_publisher.providers.watttime_answers import read_token
from shared.errors import ConfigurationError, SourceUnreachable

TOKEN_LIFE = timedelta(minutes=25)  # of the 30 that WattTime grants
SIGNAL_TYPE = "co2_moer"


class NotEntitled(SourceUnreachable):
    """The account's plan does not include this region or endpoint."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A good answer's text, and whether an emulator gave it."""

    text: str
    simulated: bool


class WattTimeSession:
    """Keeps a token, one login at a time, and asks for data with it."""

    def __init__(
        self, http: SourceHttp, username: str, password: str, clock: Callable[[], datetime]
    ) -> None:
        """Take the requests to WattTime's root and an account."""
        self._http = http
        self._auth = httpx.BasicAuth(username, password)
        self._clock = clock
        self._token: str | None = None
        self._token_at: datetime | None = None
        self._logging_in = asyncio.Lock()

    async def data(self, endpoint: str, parameters: Mapping[str, str]) -> Answered:
        """GET /v3/<endpoint> and insist on an answer.

        Raises:
            NotEntitled: the plan has no such data.
            SourceUnreachable: no usable answer.
            ConfigurationError: the login is refused.
        """
        response = await self.ask(endpoint, parameters)
        region = parameters.get("region")
        asked = f"{endpoint} for {region}" if region else endpoint
        if response.status_code == HTTPStatus.FORBIDDEN:
            raise NotEntitled(f"the WattTime plan has no {asked}: {error_text(response.text)}")
        if response.status_code != HTTPStatus.OK:
            raise SourceUnreachable(
                f"WattTime answered {response.status_code} to {asked}: {error_text(response.text)}"
            )
        return Answered(response.text, is_simulated(response))

    async def ask(self, endpoint: str, parameters: Mapping[str, str]) -> httpx.Response:
        """GET /v3/<endpoint> whatever the status, logging in again once if the token is refused."""
        response = await self._ask_with(await self._valid_token(), endpoint, parameters)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response = await self._ask_with(await self._valid_token(), endpoint, parameters)
        return response

    async def _ask_with(
        self, token: str, endpoint: str, parameters: Mapping[str, str]
    ) -> httpx.Response:
        response = await self._http.get(
            f"/v3/{endpoint}",
            endpoint=endpoint,
            params={"signal_type": SIGNAL_TYPE, **parameters},
            headers={"Authorization": f"Bearer {token}"},
        )
        # Another region's poll may have renewed it meanwhile: only the refused one is dropped.
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._token == token:
            self._token = None
        return response

    async def _valid_token(self) -> str:
        async with self._logging_in:
            fresh = self._token_at is not None and self._clock() - self._token_at < TOKEN_LIFE
            if self._token is None or not fresh:
                self._token = await self._login()
                self._token_at = self._clock()
            return self._token

    async def _login(self) -> str:
        response = await self._http.get("/login", endpoint="login", auth=self._auth)
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

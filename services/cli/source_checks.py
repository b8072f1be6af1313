"""What `doctor` asks the source of grid data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from services.cli.findings import Finding, failed, ok, warning
from services.cli.settings import Places
from services.cli.words import duration

ANSWER_SECONDS = 10.0
SKEW_SECONDS = 5.0
"""The Date header has whole seconds, and an answer takes a moment."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in, and as whom."""

    url: str
    username: str
    password: str
    simulated: bool


def login_of(places: Places) -> Login | None:
    """The account that is set, else the emulator of the `up` that runs here."""
    settings, running = places.settings, places.endpoints
    if settings.watttime_username and settings.watttime_password.get_secret_value():
        password = settings.watttime_password.get_secret_value()
        return Login(settings.watttime_url, settings.watttime_username, password, simulated=False)
    if running is not None and running.emulator_url:
        username, password = running.emulator_username or "", running.emulator_password or ""
        return Login(running.emulator_url, username, password, simulated=True)
    return None


def check_source(
    places: Places, clock: Callable[[], datetime], client: httpx.Client
) -> Iterator[Finding]:
    """Whether there is an account, whether it is accepted, and whether the clocks agree."""
    login = login_of(places)
    if login is None:
        yield warning(
            "credentials",
            "no WattTime account is set: `carbon-aware up` uses its emulator, simulated",
            "set WATTTIME_USERNAME and WATTTIME_PASSWORD for real grid data",
        )
        return
    who = "the emulator's, all data is simulated" if login.simulated else login.username
    yield ok("credentials", who)
    yield from _log_in(login, clock, client)


def _log_in(login: Login, clock: Callable[[], datetime], client: httpx.Client) -> Iterator[Finding]:
    auth = httpx.BasicAuth(login.username, login.password)
    try:
        answer = client.get(f"{login.url}/login", auth=auth, timeout=ANSWER_SECONDS)
    except httpx.HTTPError as error:
        cause = str(error) or type(error).__name__
        yield failed("source", f"{login.url} does not answer: {cause}", "check the network")
        return
    if answer.status_code == HTTPStatus.OK:
        yield ok("source", f"{login.url} accepts the login")
    elif answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        fix = "check WATTTIME_USERNAME and WATTTIME_PASSWORD"
        yield failed("source", f"{login.url} refuses the login", fix)
    else:
        yield failed("source", f"{login.url} answers {answer.status_code}", "try again later")
    yield from _skew(answer.headers.get("date"), clock())


def _skew(date: str | None, now: datetime) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date) if date else None
    except ValueError:
        theirs = None
    if theirs is None or theirs.tzinfo is None:
        return
    seconds = (now - theirs).total_seconds()
    if abs(seconds) <= SKEW_SECONDS:
        yield ok("clock", "agrees with the source's")
        return
    word = "ahead of" if seconds > 0 else "behind"
    detail = f"this machine is {duration(abs(seconds))} {word} the source"
    yield warning("clock", detail, "synchronise it, for example with chrony")

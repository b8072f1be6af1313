"""What a WattTime account may see, where a location lies, and how to get an account."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from services.intensity_publisher.providers.answers import Lenient, error_text, or_default, read
from services.intensity_publisher.providers.http import SourceHttp
from services.intensity_publisher.providers.watttime_session import SIGNAL_TYPE, WattTimeSession
from shared.errors import ConfigurationError, SourceUnreachable


@dataclass(frozen=True, slots=True)
class AccessibleRegion:
    """A region that an account knows, with the endpoints that its plan opens there."""

    region: str
    full_name: str | None
    endpoints: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """What an account's plan allows for marginal intensities."""

    regions: tuple[AccessibleRegion, ...]

    def allows(self, region: str, endpoint: str) -> bool:
        """Whether an endpoint, such as `forecast`, is open for a region."""
        return any(each.region == region and endpoint in each.endpoints for each in self.regions)


@dataclass(frozen=True, slots=True)
class Place:
    """The region that a location lies in."""

    region: str
    full_name: str | None


class _Endpoint(Lenient):
    endpoint: str


class _Region(Lenient):
    region: Annotated[str, Field(min_length=1)]
    region_full_name: str | None = None
    endpoints: Annotated[tuple[_Endpoint, ...], or_default(())] = ()


class _SignalType(Lenient):
    signal_type: str
    regions: Annotated[tuple[_Region, ...], or_default(())] = ()


class _AccessAnswer(Lenient):
    signal_types: tuple[_SignalType, ...]


class _RegistrationAnswer(Lenient):
    ok: str


def read_access(text: str) -> Access:
    """The answer of /v3/my-access.

    Raises:
        SourceUnreachable: it is none.
    """
    answer = read(_AccessAnswer, text, "WattTime's my-access")
    return Access(
        tuple(
            AccessibleRegion(
                each.region,
                each.region_full_name,
                frozenset(e.endpoint.strip("/").removeprefix("v3/") for e in each.endpoints),
            )
            for signal in answer.signal_types
            if signal.signal_type == SIGNAL_TYPE
            for each in signal.regions
        )
    )


def read_place(text: str) -> Place:
    """The answer of /v3/region-from-loc.

    Raises:
        SourceUnreachable: it is none.
    """
    answer = read(_Region, text, "WattTime's region-from-loc")
    return Place(answer.region, answer.region_full_name)


def read_registration(text: str) -> str:
    """What WattTime says of a new account.

    Raises:
        SourceUnreachable: it does not say that there is one.
    """
    return read(_RegistrationAnswer, text, "WattTime's register").ok


async def find_place(session: WattTimeSession, latitude: float, longitude: float) -> Place | None:
    """Ask which region a location lies in; None where WattTime covers none.

    Raises:
        SourceUnreachable: no usable answer.
        ConfigurationError: the login is refused.
    """
    response = await session.ask(
        "region-from-loc", {"latitude": str(latitude), "longitude": str(longitude)}
    )
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    if response.status_code != HTTPStatus.OK:
        raise SourceUnreachable(
            f"WattTime answered {response.status_code} to region-from-loc: "
            f"{error_text(response.text)}"
        )
    return read_place(response.text)


async def create_account(
    http: SourceHttp, username: str, password: str, email: str, org: str | None
) -> str:
    """Ask for a new account; no login is needed.

    Raises:
        SourceUnreachable: no usable answer.
        ConfigurationError: the name is taken, or a field is wrong.
    """
    fields = {"username": username, "password": password, "email": email}
    response = await http.post(
        "/register", fields | ({"org": org} if org else {}), endpoint="register"
    )
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise ConfigurationError(
            f"WattTime did not register {username!r}: {error_text(response.text)}"
        )
    if response.status_code != HTTPStatus.OK:
        raise SourceUnreachable(f"WattTime answered {response.status_code} to the registration")
    return read_registration(response.text)

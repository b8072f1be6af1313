"""What every data request passes before its answer, and every answer before it leaves."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.watttime_emulator.accounts import User
from services.watttime_emulator.answers import (
    Refused,
    bad_token,
    broken,
    method_not_allowed,
    too_many,
)
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.faults import Document, Faults, spoil
from services.watttime_emulator.tokens import BadToken

Handler = Callable[[Request], Awaitable[Response]]
DataEndpoint = Callable[[Emulator, Request, User], Document]


def behind_gate(emulator: Emulator, endpoint: DataEndpoint) -> Handler:
    """A data endpoint behind token, rate limit and faults."""

    async def answer(request: Request) -> Response:
        try:
            user = _authenticated(emulator, request)
            await fail_on_purpose(emulator, request.url.path)
            if request.method != "GET":
                return method_not_allowed()
            # Long histories take a while to build; other requests go on meanwhile.
            document = await run_in_threadpool(endpoint, emulator, request, user)
        except Refused as refused:
            return refused.response
        return delivered(document, emulator.faults.at(request.url.path))

    return answer


def delivered(document: Document, faults: Faults) -> Response:
    """The answer as it arrives, spoiled where a fault is switched on."""
    response = JSONResponse(spoil(document, faults))
    if not faults.truncated_json:
        return response
    whole = bytes(response.body)
    return Response(whole[: len(whole) // 2], media_type="application/json")


async def fail_on_purpose(emulator: Emulator, path: str) -> None:
    """Wait, or fail, where a fault is switched on.

    Raises:
        Refused: the fault is an answer of its own.
    """
    faults = emulator.faults.at(path)
    if faults.hang_seconds:
        await emulator.sleep(faults.hang_seconds)
    if faults.too_many_requests and emulator.faults.strikes():
        raise Refused(too_many(faults.retry_after_seconds))
    if faults.fail_status and emulator.faults.strikes():
        raise Refused(broken(faults.fail_status))


def _authenticated(emulator: Emulator, request: Request) -> User:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        raise Refused(bad_token("Jwt is missing"))
    now = emulator.clock()
    try:
        user = emulator.accounts.find(emulator.tokens.username(token.strip(), now))
    except BadToken as error:
        raise Refused(bad_token(str(error))) from error
    if user is None or emulator.faults.at(request.url.path).expired_tokens == "all":
        raise Refused(bad_token("Jwt is expired"))
    request.state.user = user.username
    if not emulator.requests.admit(user.username, now):
        raise Refused(too_many())
    return user

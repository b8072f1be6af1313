"""Every answer that is not data, with WattTime's status, content type and exact body.

Two programs answer behind WattTime's host: a gateway with bare words and the application with
JSON. Where the service's own wording is not known, the comment says so.
"""

from collections.abc import Iterable, Mapping

from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.watttime_emulator.regions import FREE_REGION

DOCS = "https://docs.watttime.org/"
REASON = "x-emulator-reason"
JSON_TYPE = "application/json"


class Refused(Exception):
    """A request is answered with a failure."""

    def __init__(self, response: Response) -> None:
        """Carry the whole answer."""
        super().__init__(response.status_code)
        self.response = response


def moved() -> Response:
    """An unknown path: a redirect with an empty body, before any check."""
    return Response(status_code=302, headers={"location": DOCS})


def login_required() -> Response:
    """`/login` without credentials; the body claims to be JSON and is not."""
    realm = {"www-authenticate": 'Basic realm="login required"'}
    return Response("Unauthorized", 401, headers=realm, media_type=JSON_TYPE)


def login_forbidden() -> Response:
    """`/login` with a wrong password."""
    return Response("Forbidden", 403, media_type=JSON_TYPE)


def bad_token(message: str) -> Response:
    """A data request whose token the gateway refuses."""
    # set as a header, since a media type of text would get a charset
    return Response(message, 401, headers={"content-type": "text/plain"})


def not_in_plan() -> Response:
    """A region or an endpoint that the user has not paid for."""
    message = (
        "Invalid scope. You do not have sufficient access to this resource. "
        "See https://api.watttime.org/plans/ for more information or email contact@watttime.org "
        f"for pricing. Please note that all users are allowed free access to {FREE_REGION}."
    )
    return JSONResponse({"error": "Invalid query parameters", "message": message}, 403)


def no_coverage(query: Mapping[str, str]) -> Response:
    """A location in no region; the values come back as they were sent."""
    error = "No coverage available for these coordinates and signal_type"
    asked = {name: query[name] for name in ("latitude", "longitude", "signal_type")}
    return JSONResponse({"error": error, **asked}, 404)


def bad_query(reason: str) -> Response:
    """A wrong parameter; the reason, which WattTime keeps to itself, is in a header."""
    body = {
        "error": "INVALID_QUERY_PARAMS",
        "msg": "You've provided invalid parameters in your query",
        "docs": DOCS,
    }
    return JSONResponse(body, 400, headers={REASON: reason.encode("ascii", "replace").decode()})


def bad_fields(place: str, problems: Iterable[tuple[str, str]]) -> Response:
    """Wrong fields where WattTime answers as FastAPI does.

    Args:
        place: `query` or `body`.
        problems: names and what is wrong with them.
    """
    detail = [
        {"loc": [place, name], "msg": message, "type": "value_error"} for name, message in problems
    ]
    return JSONResponse({"detail": detail}, 422)


def username_taken() -> Response:
    """A registration under a name that exists."""
    return JSONResponse({"error": "That username is taken. Please choose another."}, 400)


def no_password_reset() -> Response:
    """A password reset for nobody."""
    error = "A problem occurred, your request could not be processed"
    return JSONResponse({"error": error}, 400)


def method_not_allowed() -> Response:
    """A known path with another method; WattTime's wording is not known."""
    return JSONResponse({"detail": "Method Not Allowed"}, 405)


def too_many(retry_after_seconds: float | None = None) -> Response:
    """Beyond the limit; whether WattTime sends Retry-After, and which body, is not known."""
    headers = {} if retry_after_seconds is None else {"retry-after": f"{retry_after_seconds:g}"}
    return JSONResponse({"error": "Too Many Requests"}, 429, headers=headers)


def broken(status: int) -> Response:
    """A gateway or an application that fails; WattTime's wording is not known."""
    words = {
        500: "Internal Server Error",
        502: "Bad Gateway",
        503: "upstream connect error or disconnect/reset before headers",
        504: "upstream request timeout",
    }
    return PlainTextResponse(words[status], status)

"""The application: which path leads where, and what every response carries."""

from uuid import uuid4

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.watttime_emulator import account_endpoints, data_endpoints
from services.watttime_emulator.admin import admin_routes
from services.watttime_emulator.answers import moved
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.gate import behind_gate
from services.watttime_emulator.metrics import registry_of
from shared.health import Health

EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
SIMULATED = "x-simulated"

DATA = {
    "/v3/region-from-loc": data_endpoints.region_from_loc,
    "/v3/signal-index": data_endpoints.signal_index,
    "/v3/forecast": data_endpoints.forecast,
    "/v3/forecast/historical": data_endpoints.past_forecasts,
    "/v3/historical": data_endpoints.history,
    "/v3/my-access": data_endpoints.my_access,
    "/v3/maps": data_endpoints.beyond_every_plan,
    "/v3/fuel-mix": data_endpoints.beyond_every_plan,
}


def build_app(emulator: Emulator) -> ASGIApp:
    """The whole API over an emulator's state."""
    routes = [
        Route("/login", account_endpoints.login(emulator)),
        Route("/register", account_endpoints.register(emulator), methods=EVERY_METHOD),
        Route("/password", account_endpoints.password(emulator)),
        Route("/password/", account_endpoints.password(emulator)),
        # WattTime's gateway asks for the token first, whatever the method.
        *(
            Route(path, behind_gate(emulator, endpoint), methods=EVERY_METHOD)
            for path, endpoint in DATA.items()
        ),
    ]
    of_its_own = [
        *admin_routes(emulator),
        *Health(dict, registry_of(emulator.tally)).routes(),
    ]
    known = frozenset(route.path for route in routes)
    uncounted = frozenset(route.path for route in of_its_own)
    routes += of_its_own
    routes.append(Route("/{path:path}", _unknown, methods=EVERY_METHOD))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # every unknown path goes to the documentation
    return Marked(app, emulator, known, uncounted)


async def _unknown(_request: Request) -> Response:
    return moved()


class Marked:
    """Marks every response as simulated, gives it an id and counts it."""

    def __init__(
        self, app: ASGIApp, emulator: Emulator, known: frozenset[str], uncounted: frozenset[str]
    ) -> None:
        """Wrap an application; paths that are neither `known` nor its own are counted together."""
        self._app = app
        self._emulator = emulator
        self._known = known
        self._uncounted = uncounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[SIMULATED] = "true"
                headers["x-request-id"] = str(uuid4())
                self._count(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_marked)

    def _count(self, scope: Scope, status: int) -> None:
        if scope["path"] in self._uncounted:
            return
        path = scope["path"] if scope["path"] in self._known else "unknown"
        user = scope.get("state", {}).get("user", "")
        self._emulator.tally[path, status, user] += 1

"""`/livez`, `/readyz` and `/metrics` of a service: alive, fit for its purpose, and in numbers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.serving import listening, serve


@dataclass(frozen=True, slots=True)
class Health:
    """What a service tells of itself.

    Attributes:
        problems: what keeps the service from being ready, by name; empty when it is.
        registry: its numbers.
        aside: whether the problems are looked for in a thread, because that may take its time.
    """

    problems: Callable[[], Mapping[str, str]]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    aside: bool = False

    def routes(self) -> list[Route]:
        """The three, for an application that has others too."""
        return [
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
        ]

    def app(self) -> Starlette:
        """An application of these three alone."""
        return Starlette(routes=self.routes())

    async def _livez(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def _readyz(self, _: Request) -> Response:
        found = await run_in_threadpool(self.problems) if self.aside else self.problems()
        problems = dict(found)
        status = 503 if problems else 200
        return JSONResponse({"ready": not problems, "problems": problems}, status)

    async def _metrics(self, _: Request) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


@contextlib.asynccontextmanager
async def serving_health(health: Health, host: str, port: int) -> AsyncIterator[None]:
    """Serve a service's health while the block runs; port 0 serves nothing.

    Raises:
        ConfigurationError: the port is taken.
    """
    if not port:
        yield
        return
    stop = asyncio.Event()
    with listening(host, port, "HEALTH_PORT") as listener:
        serving = asyncio.create_task(serve(health.app(), listener, stop))
        try:
            yield
        finally:
            stop.set()
            await serving

"""Serve an ASGI application inside a service: bound first, told when to stop, no signals taken."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from shared.errors import ConfigurationError
from shared.tasks import end

# A request that hangs must not keep the program from ending.
GRACE_SECONDS = 1


@contextlib.contextmanager
def listening(host: str, port: int, setting: str) -> Iterator[socket.socket]:
    """A bound socket, so that the port is known before the server starts; port 0 is any.

    Raises:
        ConfigurationError: the address cannot be had; `setting` is what to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror}; set {setting}, 0 for any"
            ) from error
        yield listener


def url_of(listener: socket.socket) -> str:
    """The address under which a bound socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    while_ready: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> None:
    """Serve until stopped; `while_ready` is entered once connections are accepted."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await _first_of(serving, server.ready)
        with while_ready():
            await _first_of(serving, stop)
            server.should_exit = True
            await serving
    finally:
        await end(serving)


async def _first_of(serving: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for an event, or for the server's early end."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves the signals to the service's runtime."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

"""Builds the emulator from its settings and serves it until it is told to stop."""

import asyncio
import contextlib
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp

from services.watttime_emulator.accounts import Accounts, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.regions import FREE_REGION, Region
from services.watttime_emulator.replay import DEMO_START, Clock, Replay, start_place
from services.watttime_emulator.settings import EmulatorSettings
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import Trace, bundled_trace, load_trace
from shared.errors import ConfigurationError

# A request that hangs on purpose must not keep the program from ending.
GRACE_SECONDS = 1

log = structlog.get_logger()


def build_emulator(settings: EmulatorSettings, clock: Clock) -> Emulator:
    """The emulator's state.

    Raises:
        ConfigurationError: a trace, the start or the speed cannot be used.
    """
    user = User(
        settings.emulator_username,
        settings.emulator_password.get_secret_value(),
        settings.emulator_plan,
    )
    return Emulator(
        clock=clock,
        sleep=asyncio.sleep,
        regions=_regions(settings, clock()),
        accounts=Accounts(user),
        tokens=Tokens(secrets.token_bytes(32)),
    )


async def run(settings: EmulatorSettings, stop: asyncio.Event, *, clock: Clock) -> None:
    """Serve until stopped.

    Raises:
        ConfigurationError: it cannot listen or replay as it was told.
    """
    app = build_app(build_emulator(settings, clock))
    with _listening(settings) as listener:
        await _serve(app, listener, settings, stop)


def _regions(settings: EmulatorSettings, began: datetime) -> Mapping[str, Region]:
    traces = {FREE_REGION: _main_trace(settings)}
    for extra in settings.emulator_regions:
        traces[extra.name] = load_trace(extra.trace, extra.forecasts)
    return {
        name: Region(name, _replay(trace, settings, began, is_main=name == FREE_REGION))
        for name, trace in traces.items()
    }


def _main_trace(settings: EmulatorSettings) -> Trace:
    if settings.emulator_trace is not None:
        return load_trace(settings.emulator_trace, settings.emulator_forecasts)
    if settings.emulator_forecasts is not None:
        raise ConfigurationError("EMULATOR_FORECASTS needs EMULATOR_TRACE")
    return bundled_trace()


def _replay(trace: Trace, settings: EmulatorSettings, began: datetime, *, is_main: bool) -> Replay:
    start = settings.emulator_start
    if start is None and is_main and settings.emulator_trace is None:
        start = DEMO_START
    if not is_main and start is not None and not 0 <= trace.place_of(start) < len(trace):
        start = None  # another year's recording has its own beginning
    place = start_place(trace, start)
    return Replay(trace, began=began, start=place, speed=settings.emulator_speed)


@contextlib.contextmanager
def _listening(settings: EmulatorSettings) -> Iterator[socket.socket]:
    """A bound socket, so that the port is known before the server starts."""
    host, port = settings.emulator_host, settings.emulator_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror}; set EMULATOR_PORT, 0 for any"
            ) from error
        yield listener


async def _serve(
    app: ASGIApp, listener: socket.socket, settings: EmulatorSettings, stop: asyncio.Event
) -> None:
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
    await _first_of(serving, server.ready)
    with _announced(_url(listener), settings):
        await _first_of(serving, stop)
        server.should_exit = True
        await serving


async def _first_of(serving: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for an event, or for the server's early end."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
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


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _announced(url: str, settings: EmulatorSettings) -> Iterator[None]:
    """Say where the emulator listens, in the log and in the ready file while it does."""
    log.info("emulator ready", url=url, speed=settings.emulator_speed)
    ready = settings.emulator_ready_file
    if ready is None:
        yield
        return
    _write(ready, json.dumps({"url": url}))
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write so that a reader sees either no file or the whole of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error

"""Builds the emulator from its settings and serves it until it is told to stop."""

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from services.watttime_emulator.accounts import Accounts, User
from services.watttime_emulator.app import build_app
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.regions import FREE_REGION, Region
from services.watttime_emulator.replay import DEMO_START, Clock, Replay, start_place
from services.watttime_emulator.settings import EmulatorSettings
from services.watttime_emulator.tokens import Tokens
from services.watttime_emulator.trace import Trace, bundled_trace, load_trace
from shared.errors import ConfigurationError
from shared.serving import listening, serve, url_of

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
        revises_percent=settings.emulator_revision_percent,
        revises_after=timedelta(hours=settings.emulator_revision_hours / settings.emulator_speed),
    )


async def run(settings: EmulatorSettings, stop: asyncio.Event, *, clock: Clock) -> None:
    """Serve until stopped.

    Raises:
        ConfigurationError: it cannot listen or replay as it was told.
    """
    app = build_app(build_emulator(settings, clock))
    with listening(settings.emulator_host, settings.emulator_port, "EMULATOR_PORT") as listener:
        announced = partial(_announced, url_of(listener), settings)
        await serve(app, listener, stop, announced)


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

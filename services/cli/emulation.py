"""`carbon-aware emulate`: WattTime's emulator in the foreground, as a program of its own."""

import asyncio
import json
import math
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import typer
from pydantic import Field

from services.cli.processes import bound_to_parent, until
from shared.settings import Settings

PROGRAM = "services.watttime_emulator"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EmulateSettings(Settings):
    """What must be known of the emulator's settings to say how to use it."""

    emulator_username: str = Field("demo", description="the user who may log in")
    emulator_ready_file: Path | None = Field(
        None, description='file that gets {"url": ...} once the emulator listens'
    )


async def run_emulator(
    environ: Mapping[str, str],
    settings: EmulateSettings,
    say: Callable[[str], None] = typer.echo,
) -> int:
    """Run until a signal comes, which is handed on; returns the program's exit code."""
    username = environ.get("EMULATOR_USERNAME") or settings.emulator_username
    with _ready_file(settings.emulator_ready_file) as ready:
        child = await asyncio.create_subprocess_exec(
            *bound_to_parent([sys.executable, "-m", PROGRAM]),
            env={
                **environ,
                "EMULATOR_USERNAME": username,
                "EMULATOR_READY_FILE": str(ready),
            },
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C comes to us alone, and is handed on once
        )
        with _handing_on(child):
            announcing = asyncio.create_task(_announce(ready, username, say))
            try:
                code = await child.wait()
            finally:
                announcing.cancel()
                await asyncio.gather(announcing, return_exceptions=True)
    return code if code >= 0 else 128 - code


@contextmanager
def _ready_file(wanted: Path | None) -> Iterator[Path]:
    """The file that was asked for, without what a killed run left in it, or one of our own."""
    if wanted is not None:
        with suppress(OSError):  # the emulator says what is wrong with it
            wanted.unlink()
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="carbon-aware-") as folder:
        yield Path(folder) / "emulator.json"


@contextmanager
def _handing_on(child: asyncio.subprocess.Process) -> Iterator[None]:
    """Whatever would end us ends the child instead, and then so do we."""

    def stop() -> None:
        with suppress(ProcessLookupError):
            child.terminate()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        if child.returncode is None:
            stop()


async def _announce(ready: Path, username: str, say: Callable[[str], None]) -> None:
    """Say where it listens as soon as it does; cancelled if it never does."""
    await until(ready.exists, math.inf)
    url = _url_in(ready)
    with suppress(OSError):  # nobody may be reading
        say(
            f"emulating WattTime at {url} for the user {username}; "
            f"use it with WATTTIME_URL={url} WATTTIME_USERNAME={username} and the password"
        )


def _url_in(ready: Path) -> str:
    return str(json.loads(ready.read_text(encoding="utf-8"))["url"])

"""The command line; what a command needs is imported when it runs, so that help stays fast."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from services.cli.durations import parse_duration
from shared.errors import CarbonAwareError

app = typer.Typer(
    help="Run jobs when and where electricity is clean.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def _commands() -> None:
    """Run jobs when and where electricity is clean."""


def _say(line: str) -> None:
    with suppress(OSError):  # a closed terminal must not keep us from stopping cleanly
        typer.echo(line, err=True)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def up(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Recorded grid data, 60 times faster, and a workload.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option("--for", parser=_seconds, metavar="DURATION", help="Stop after 60s, 5m, 2h."),
    ] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="No web page.")] = False,
    no_install: Annotated[
        bool, typer.Option("--no-install", help="Only say how to install what is missing.")
    ] = False,
    data_dir: Annotated[
        Path, typer.Option("--data-dir", help="Where all data of this system is kept.")
    ] = Path(".carbon-aware"),
) -> None:
    """Run everything on this machine; Ctrl-C stops it."""
    from services.cli.local_system import (  # noqa: PLC0415 - help must stay fast
        LocalSystem,
        SystemOptions,
        SystemParts,
    )
    from services.cli.set_up import set_up  # noqa: PLC0415
    from services.cli.up import Views, run_up  # noqa: PLC0415
    from services.cli.up_settings import UpSettings  # noqa: PLC0415

    options = SystemOptions(data_dir, demo, not no_dashboard, no_install)
    environ = dict(os.environ)  # noqa: TID251 - handed on to the programs that it starts
    system = LocalSystem(options, UpSettings.load(), environ, _say, SystemParts(set_up))
    raise typer.Exit(asyncio.run(run_up(system, Views(), seconds)))


def run() -> None:
    """Run the command line; an error is one line with its cause and what to do."""
    try:
        app()
    except CarbonAwareError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)

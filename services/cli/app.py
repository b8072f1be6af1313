"""The command line; what a command needs is imported when it runs, so that help stays fast."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from services.cli import (
    commands_control,
    commands_dead,
    commands_grid,
    commands_read,
    commands_report,
    commands_schedule,
    commands_watttime,
    commands_write,
    simulate,
)
from services.cli.command_group import EXIT_CODES, OneLineErrors
from shared.domain.durations import parse_duration

app = typer.Typer(
    cls=OneLineErrors,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: no boxes in a pipe, and in half the time
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - help must stay fast

        typer.echo(f"carbon-aware {version('carbon-aware-jobs')}")
        raise typer.Exit


@app.callback()
def _commands(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Run jobs when and where electricity is clean."""
    del version, debug  # the first is done, the second is the command group's


def _say(line: str) -> None:
    with suppress(OSError):  # a closed terminal must not keep us from stopping cleanly
        # Not typer.echo, which would write past the live view instead of above it.
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - a user reads this


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
    from services.cli.live import views  # noqa: PLC0415 - help must stay fast
    from services.cli.local_system import (  # noqa: PLC0415 - help must stay fast
        LocalSystem,
        SystemOptions,
        SystemParts,
    )
    from services.cli.setup import set_up_local  # noqa: PLC0415
    from services.cli.up import run_up  # noqa: PLC0415
    from services.cli.up_settings import UpSettings  # noqa: PLC0415
    from shared.runtime import system_clock  # noqa: PLC0415

    options = SystemOptions(data_dir, demo, not no_dashboard, no_install)
    environ = dict(os.environ)  # noqa: TID251 - handed on to the programs that it starts
    system = LocalSystem(options, UpSettings.load(), environ, _say, SystemParts(set_up_local))
    raise typer.Exit(asyncio.run(run_up(system, views(system_clock), seconds)))


app.command()(commands_write.submit)
app.command()(commands_read.status)
app.command()(commands_read.watch)
app.command()(commands_read.why)
app.command()(commands_grid.grid)
app.command()(commands_grid.plan)
app.command()(simulate.simulate)
app.command()(commands_report.report)
app.command()(commands_read.doctor)
app.command()(commands_control.cancel)
app.command()(commands_control.run_now)
app.command()(commands_control.pause)
app.command()(commands_control.resume)
app.command()(commands_control.eco)
app.add_typer(commands_dead.dead, name="dead")
app.add_typer(commands_dead.rejected, name="rejected")
app.command()(commands_write.setup)
app.command()(commands_watttime.emulate)
app.add_typer(commands_watttime.watttime, name="watttime")
app.add_typer(commands_schedule.schedule, name="schedule")


def run() -> None:
    """Run the command line; an error is one line with its cause and what to do."""
    app()

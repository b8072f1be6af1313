"""`schedule list`: the periodic jobs, from `jobs.toml` alone."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import AsJson

schedule = typer.Typer(help="Periodic jobs: the [[schedule]] entries of jobs.toml.")


@schedule.callback()
def _commands() -> None:
    """Keep `list` a command of its own; typer would make a lone one the group itself."""


@schedule.command("list")
def list_schedules(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="JOBS.toml", help="Instead of what JOBS_FILE names."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Each periodic job with its next run and the window that it may run in."""
    from services.cli.output import console, print_json
    from services.cli.schedule_view import planned_runs, print_schedules
    from shared.errors import ConfigurationError
    from shared.jobs_file import load_schedules
    from shared.runtime import system_clock
    from shared.settings import JobsFile

    path = file or JobsFile.load().jobs_file
    if not path.exists():
        raise ConfigurationError(f"JOBS_FILE: there is no {path}; name yours with --file")
    now = system_clock()
    rows = planned_runs(load_schedules(path), now)
    if json:
        print_json({"schedules": rows})
    else:
        print_schedules(console(), rows, now)

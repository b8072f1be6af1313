"""`watttime` and `emulate`: an account at WattTime, and what takes its place without one."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from services.cli.options import AsJson

watttime = typer.Typer(
    help="An account at WattTime: get one, and see what it may ask.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Instead of what WATTTIME_URL says.")
]
Plan = Literal["free", "full"]


@watttime.command()
def register(
    *,
    username: Annotated[str, typer.Option("--username", help="A name of your choice.")],
    email: Annotated[str, typer.Option("--email", help="Where WattTime reaches you.")],
    org: Annotated[str | None, typer.Option("--org", help="Your organisation.")] = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Get an account; asks for a password, or reads a line."""
    from services.cli.account_questions import ask, ask_password
    from services.cli.account_view import registration_rows
    from services.cli.output import console, print_json, print_rows

    words = ["register", f"--username={username}", f"--email={email}"]
    words += [f"--org={org}"] if org else []
    told = ask(words, _environ(), url, ask_password(sys.stdin))
    if json:
        print_json(told)
    else:
        print_rows(console(), registration_rows(told))


@watttime.command()
def access(
    *,
    region: Annotated[str | None, typer.Option("--region", help="Of one region alone.")] = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Which regions the account may ask about, and what."""
    from services.cli.account_questions import ask
    from services.cli.account_view import print_access
    from services.cli.output import console, print_json

    told = ask(["access", *([f"--region={region}"] if region else [])], _environ(), url)
    if json:
        print_json(told)
    else:
        print_access(console(), told)


@watttime.command()
def region(
    *,
    latitude: Annotated[float, typer.Option("--lat", min=-90, max=90, help="Degrees north.")],
    longitude: Annotated[float, typer.Option("--lon", min=-180, max=180, help="Degrees east.")],
    url: Url = None,
    json: AsJson = False,
) -> None:
    """The grid region of a place; exits 4 where there is none."""
    from services.cli.account_questions import ask
    from services.cli.account_view import place_rows
    from services.cli.output import console, print_json, print_rows

    words = ["region", f"--latitude={latitude}", f"--longitude={longitude}"]
    told = ask(words, _environ(), url)
    if json:
        print_json(told)
    else:
        print_rows(console(), place_rows(told))


def emulate(
    *,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="0 takes any free one; 8077 if not set."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="How much faster than recorded, such as 60.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="CSV", help="What to replay instead.")
    ] = None,
    forecasts: Annotated[
        Path | None, typer.Option("--forecasts", metavar="CSV", help="What was forecast for it.")
    ] = None,
    plan: Annotated[
        Plan | None, typer.Option("--plan", help="What the user may ask: little, or all.")
    ] = None,
    username: Annotated[
        str | None, typer.Option("--username", help="Who may log in; demo if not set.")
    ] = None,
    password: Annotated[
        str | None, typer.Option("--password", help="Theirs; carbon-aware-1 if not set.")
    ] = None,
) -> None:
    """Emulate WattTime's API on this machine; Ctrl-C stops it."""
    from services.cli.emulation import EmulateSettings, run_emulator

    given = {
        "EMULATOR_PORT": port,
        "EMULATOR_SPEED": speed,
        "EMULATOR_TRACE": trace,
        "EMULATOR_FORECASTS": forecasts,
        "EMULATOR_PLAN": plan,
        "EMULATOR_USERNAME": username,
        "EMULATOR_PASSWORD": password,
    }
    told = {name: str(value) for name, value in given.items() if value is not None}
    settings = EmulateSettings.load()
    raise typer.Exit(asyncio.run(run_emulator(_environ() | told, settings)))


def _environ() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - handed on to the program that it starts

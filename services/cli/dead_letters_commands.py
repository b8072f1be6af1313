"""What the commands `dead` and `rejected` have in common."""

import asyncio
import sys
from pathlib import Path

import typer

from services.cli.broker_session import quiet_logs
from services.cli.dead_letters import Filters, whole_prefixes
from services.cli.dead_letters_acting import Box, drop, find_message, list_letters
from services.cli.dead_letters_sifting import Sifted
from services.cli.dead_letters_view import (
    letter_json,
    message_json,
    print_letters,
    print_message,
    read_history,
    summary,
)
from services.cli.options import read_option
from services.cli.output import console, print_json
from services.cli.quantities import parse_past
from services.cli.settings import Places, find_places
from services.cli.words import counted
from shared.runtime import system_clock


def read_ids(ids: list[str] | None, *, all_of_them: bool) -> tuple[str, ...]:
    """The ids that were typed; none with `--all`.

    Raises:
        typer.BadParameter: neither ids nor `--all` were given, or both.
        NotFound: an id is too short to mean one.
    """
    if bool(ids) == all_of_them:
        raise typer.BadParameter(
            "give ids, or --all for all that the filters leave", param_hint="ID"
        )
    return whole_prefixes(tuple(ids or ()))


def read_filters(
    ids: tuple[str, ...], job_type: str | None, since: str | None, error: str | None
) -> Filters:
    """What the options leave.

    Raises:
        typer.BadParameter: ids and filters were given, or a time is none.
    """
    if ids and (job_type or since or error):
        raise typer.BadParameter("filters go with --all, not with ids", param_hint="ID")
    now = system_clock()
    start = None
    if since is not None:
        start = read_option("--since", lambda text: parse_past(text, now), since)
    return Filters(ids, job_type, start, error)


def list_and_print(
    box: Box, filters: Filters, limit: int | None, data_dir: Path, *, as_json: bool
) -> None:
    """Print the letters that are meant."""
    result = asyncio.run(list_letters(places_of(data_dir), box, filters, limit))
    now = system_clock()
    if as_json:
        letters = [letter_json(letter, now) for letter in result.found]
        print_json({"total": result.total, "matched": result.matched, box.name: letters})
        return
    print_letters(console(), result, now)
    typer.echo(summary(box, result), err=True)


def show(box: Box, wanted: str, data_dir: Path, *, as_json: bool) -> None:
    """Print one letter with all that is known of it."""
    places = places_of(data_dir)
    letter, message = asyncio.run(find_message(places, box, *whole_prefixes((wanted,))))
    history, now = read_history(places, letter), system_clock()
    if as_json:
        print_json(message_json(letter, message, history, now))
    else:
        print_message(console(), letter, message, history, now)


def drop_after_asking(
    box: Box,
    filters: Filters,
    limit: int | None,
    data_dir: Path,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete the messages that are meant; on a terminal only after a yes."""
    if not yes:
        _confirm(box, filters)
    result = asyncio.run(drop(places_of(data_dir), box, filters, limit))
    report(box, result, "dropped", as_json=as_json)


def _confirm(box: Box, filters: Filters) -> None:
    """Ask, where there is a person to ask."""
    if not sys.stdin.isatty():
        return
    which = f"these {len(filters.ids)}" if filters.ids else "all matching"
    if filters.all_in:
        which = "all"
    typer.confirm(f"delete {which} {box.noun}s for ever?", abort=True, err=True)


def report(box: Box, result: Sifted, verb: str, *, as_json: bool) -> None:
    """Print how many messages left their queue."""
    if as_json:
        done = {verb: len(result.settled), "of": result.total, "ids": result.settled}
        print_json(done)
    else:
        typer.echo(f"{counted(len(result.settled), box.noun)} {verb}, of {result.total}")


def places_of(data_dir: Path) -> Places:
    """Where broker and ledger are; from here on nothing is logged."""
    quiet_logs()
    return find_places(data_dir)

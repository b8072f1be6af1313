"""`dead` and `rejected`: look through what is kept aside, send it on its way again, delete it."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import (
    USUAL_DATA_DIR,
    AsJson,
    By,
    DataDir,
    Yes,
    read_option,
    with_options,
)

if TYPE_CHECKING:
    from services.cli.dead_letters_acting import Box
    from shared.broker.letters import Filters

USUAL_LIMIT = 50

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or 6 characters of each.")
]
OneId = Annotated[str, typer.Argument(metavar="ID", help="An id, or 6 characters of it or more.")]
All = Annotated[bool, typer.Option("--all", help="All, or all that the filters leave.")]
OfType = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Of one job type.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="2h|TIME", help="Kept here no earlier.")
]
WithError = Annotated[
    str | None, typer.Option("--error", metavar="TEXT", help="Whose error contains a text.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="No more than these many.")
]


def _filters(*, job_type: OfType = None, since: Since = None, error: WithError = None) -> "Filters":
    from services.cli.dead_letters_commands import read_filters

    return read_filters((), job_type, since, error)


def _chosen(
    *,
    ids: Ids = None,
    all_of_them: All = False,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
) -> "Filters":
    from services.cli.dead_letters_commands import read_filters, read_ids

    return read_filters(read_ids(ids, all_of_them=all_of_them), job_type, since, error)


def _box(name: str) -> "Box":
    from services.cli.dead_letters_acting import DEAD, REJECTED

    return {each.name: each for each in (DEAD, REJECTED)}[name]


def _looking(name: str, about: str, *, about_list: str, about_show: str) -> typer.Typer:
    """A group of commands for one kind of kept messages, with `list` and `show`."""
    group = typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)

    @group.command("list", help=about_list)
    @with_options(filters=_filters)
    def list_them(
        *,
        filters: "Filters",
        limit: Limit = USUAL_LIMIT,
        json: AsJson = False,
        data_dir: DataDir = USUAL_DATA_DIR,
    ) -> None:
        from services.cli.dead_letters_commands import list_and_print

        list_and_print(_box(name), filters, limit, data_dir, as_json=json)

    @group.command("show", help=about_show)
    def show_one(
        message_id: OneId, *, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR
    ) -> None:
        from services.cli.dead_letters_commands import show

        show(_box(name), message_id, data_dir, as_json=json)

    return group


def _add_drop(group: typer.Typer, name: str, about: str) -> None:
    @group.command("drop", help=about)
    @with_options(chosen=_chosen)
    def drop_them(
        *,
        chosen: "Filters",
        limit: Limit = None,
        yes: Yes = False,
        json: AsJson = False,
        data_dir: DataDir = USUAL_DATA_DIR,
    ) -> None:
        from services.cli.dead_letters_commands import drop_after_asking

        drop_after_asking(_box(name), chosen, limit, data_dir, yes=yes, as_json=json)


dead = _looking(
    "dead",
    "Jobs that failed for good: look through them, run them again, delete them.",
    about_list="The dead jobs that the filters leave, newest first; they stay where they are.",
    about_show="One dead job with its headers, its payload and every attempt at it.",
)
rejected = _looking(
    "rejected",
    "Messages that are no valid jobs: look through them, submit them again, delete them.",
    about_list="The rejected messages that the filters leave, newest first; they stay where they "
    "are.",
    about_show="One rejected message with its headers and its body.",
)


@dead.command("replay")
@with_options(chosen=_chosen)
def replay_dead_jobs(
    *,
    chosen: "Filters",
    limit: Limit = None,
    deadline: Annotated[
        str | None,
        typer.Option(
            "--deadline",
            metavar="6h|TIME",
            help="Their new one; else as long as they had at first.",
        ),
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Forget their checkpoints.")
    ] = False,
    by: By = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Submit dead jobs again, with new retries and a new deadline; attempts are counted on."""
    from services.cli.control_asking import user_at_host
    from services.cli.dead_letters_acting import DEAD, ReplayOptions, replay_dead
    from services.cli.dead_letters_commands import places_of, report
    from services.cli.quantities import parse_deadline
    from shared.runtime import system_clock

    now = system_clock()
    end = None
    if deadline is not None:
        end = read_option("--deadline", lambda text: parse_deadline(text, now), deadline)
    options = ReplayOptions(by or user_at_host(), now, end, from_start)
    result = asyncio.run(replay_dead(places_of(data_dir), chosen, options, limit))
    report(DEAD, result, "replayed", as_json=json)


@rejected.command("replay")
@with_options(chosen=_chosen)
def replay_rejected_messages(
    *,
    chosen: "Filters",
    limit: Limit = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Submit rejected messages again as they were; what is still invalid comes back here."""
    from services.cli.dead_letters_acting import REJECTED, replay_rejected
    from services.cli.dead_letters_commands import places_of, report

    result = asyncio.run(replay_rejected(places_of(data_dir), chosen, limit))
    report(REJECTED, result, "replayed", as_json=json)


_add_drop(dead, "dead", "Delete dead jobs for ever; the ledger keeps their history.")
_add_drop(rejected, "rejected", "Delete rejected messages for ever.")

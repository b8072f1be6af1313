"""`dead` and `rejected`: look through what is kept aside, send it on its way again, delete it."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
from typing import Annotated

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir

USUAL_LIMIT = 50

dead = typer.Typer(
    help="Jobs that failed for good: look through them, run them again, delete them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
rejected = typer.Typer(
    help="Messages that are no valid jobs: look through them, submit them again, delete them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks; by default user@host.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Delete without asking.")]


@dead.command("list")
def list_dead(
    *,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
    limit: Limit = USUAL_LIMIT,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """The dead jobs that the filters leave, newest first; they stay where they are."""
    from services.cli.dead_letters_acting import DEAD
    from services.cli.dead_letters_commands import list_and_print, read_filters

    list_and_print(DEAD, read_filters((), job_type, since, error), limit, data_dir, as_json=json)


@rejected.command("list")
def list_rejected(
    *,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
    limit: Limit = USUAL_LIMIT,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """The rejected messages that the filters leave, newest first; they stay where they are."""
    from services.cli.dead_letters_acting import REJECTED
    from services.cli.dead_letters_commands import list_and_print, read_filters

    list_and_print(
        REJECTED, read_filters((), job_type, since, error), limit, data_dir, as_json=json
    )


@dead.command("show")
def show_dead(
    message_id: OneId, *, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR
) -> None:
    """One dead job with its headers, its payload and every attempt at it."""
    from services.cli.dead_letters_acting import DEAD
    from services.cli.dead_letters_commands import show

    show(DEAD, message_id, data_dir, as_json=json)


@rejected.command("show")
def show_rejected(
    message_id: OneId, *, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR
) -> None:
    """One rejected message with its headers and its body."""
    from services.cli.dead_letters_acting import REJECTED
    from services.cli.dead_letters_commands import show

    show(REJECTED, message_id, data_dir, as_json=json)


@dead.command("replay")
def replay_dead_jobs(  # noqa: PLR0913 - the options of the contract
    ids: Ids = None,
    *,
    all_of_them: All = False,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
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
    from services.cli.dead_letters_commands import places_of, read_filters, read_ids, report
    from services.cli.quantities import parse_deadline
    from services.cli.submission import read_option
    from shared.runtime import system_clock

    filters = read_filters(read_ids(ids, all_of_them=all_of_them), job_type, since, error)
    now = system_clock()
    end = None
    if deadline is not None:
        end = read_option("--deadline", lambda text: parse_deadline(text, now), deadline)
    options = ReplayOptions(by or user_at_host(), now, end, from_start)
    result = asyncio.run(replay_dead(places_of(data_dir), filters, options, limit))
    report(DEAD, result, "replayed", as_json=json)


@rejected.command("replay")
def replay_rejected_messages(
    ids: Ids = None,
    *,
    all_of_them: All = False,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
    limit: Limit = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Submit rejected messages again as they were; what is still invalid comes back here."""
    from services.cli.dead_letters_acting import REJECTED, replay_rejected
    from services.cli.dead_letters_commands import places_of, read_filters, read_ids, report

    filters = read_filters(read_ids(ids, all_of_them=all_of_them), job_type, since, error)
    result = asyncio.run(replay_rejected(places_of(data_dir), filters, limit))
    report(REJECTED, result, "replayed", as_json=json)


@dead.command("drop")
def drop_dead(  # noqa: PLR0913 - the options of the contract
    ids: Ids = None,
    *,
    all_of_them: All = False,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
    limit: Limit = None,
    yes: Yes = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Delete dead jobs for ever; the ledger keeps their history."""
    from services.cli.dead_letters_acting import DEAD
    from services.cli.dead_letters_commands import drop_after_asking, read_filters, read_ids

    filters = read_filters(read_ids(ids, all_of_them=all_of_them), job_type, since, error)
    drop_after_asking(DEAD, filters, limit, data_dir, yes=yes, as_json=json)


@rejected.command("drop")
def drop_rejected(  # noqa: PLR0913 - the options of the contract
    ids: Ids = None,
    *,
    all_of_them: All = False,
    job_type: OfType = None,
    since: Since = None,
    error: WithError = None,
    limit: Limit = None,
    yes: Yes = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Delete rejected messages for ever."""
    from services.cli.dead_letters_acting import REJECTED
    from services.cli.dead_letters_commands import drop_after_asking, read_filters, read_ids

    filters = read_filters(read_ids(ids, all_of_them=all_of_them), job_type, since, error)
    drop_after_asking(REJECTED, filters, limit, data_dir, yes=yes, as_json=json)

"""`ledger`: check it, dump it and make a new one from a dump, delete what is old, tidy up."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir, Yes

ledger = typer.Typer(
    help="The ledger's database: check, dump, rebuild, prune and tidy it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@ledger.command("check")
def check(*, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR) -> None:
    """Whether the ledger agrees with itself; exit code 1 where it does not.

    Its file, jobs against their events, sums against attempts, counters.
    """
    from services.cli.findings import Mark
    from services.cli.ledger_check import check_ledger
    from services.cli.output import console, print_json
    from services.cli.settings import find_places

    findings = check_ledger(find_places(data_dir).ledger_url)
    failed = any(finding.mark is Mark.FAILED for finding in findings)
    if json:
        print_json({"ok": not failed, "findings": findings})
    else:
        from services.cli.doctor import print_findings

        print_findings(console(), findings)
    raise typer.Exit(1 if failed else 0)


@ledger.command("vacuum")
def vacuum(*, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR) -> None:
    """Give unused space back. On SQLite nothing is recorded meanwhile; nothing is lost."""
    from services.cli.ledger_commands import vacuum_ledger

    vacuum_ledger(data_dir, as_json=json)


@ledger.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl[.gz]", help="The file to write; a new one.")
    ],
    *,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Write every event as a line of JSON, and a last line that vouches for them."""
    from services.cli.ledger_commands import export_ledger

    export_ledger(file, data_dir, as_json=json)


@ledger.command("rebuild")
def rebuild(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl[.gz]", help="From `ledger export`.")],
    *,
    into: Annotated[
        str,
        typer.Option("--into", metavar="URL", help="Database of the new ledger; an empty one."),
    ],
    json: AsJson = False,
) -> None:
    """Make a new ledger from a dump, after checking it; every table is computed afresh."""
    from services.cli.ledger_commands import rebuild_ledger

    rebuild_ledger(file, into, as_json=json)


@ledger.command("prune")
def prune(
    *,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="90d", help="Jobs that ended so long ago or longer."),
    ],
    readings_older_than: Annotated[
        str | None,
        typer.Option(
            "--readings-older-than",
            metavar="400d",
            help="Grid readings so old or older that no kept job needs; as the jobs if not given.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    yes: Yes = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who asks; by default user@host.")
    ] = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Delete finished jobs with all that was told of them, and readings that none needs.

    The ledger goes on recording meanwhile. `ledger export` keeps a copy; `ledger vacuum` gives the
    space back.
    """
    from services.cli.ledger_prune import PruneOrder, prune_ledger

    order = PruneOrder(older_than, readings_older_than, by, dry_run=dry_run, yes=yes)
    prune_ledger(order, data_dir, as_json=json)

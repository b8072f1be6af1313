"""`report`: what the finished jobs of a time emitted and avoided."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir, read_option

if TYPE_CHECKING:
    from services.cli.report_data import Report

TIME_HELP = "how long ago (30d, 12h), or a time (2026-11-01T00:00:00Z)"


def report(
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help=f"Jobs that ended since: {TIME_HELP}.")
    ] = "30d",
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help=f"And before: {TIME_HELP}; now if not given."),
    ] = None,
    by: Annotated[
        Literal["type", "region", "day", "priority"],
        typer.Option("--by", help="What the rows are; a day is a UTC day."),
    ] = "type",
    csv: Annotated[
        bool, typer.Option("--csv", help="CSV on standard output, without totals.")
    ] = False,
    json: AsJson = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one self-contained page as well."),
    ] = None,
    embodied_g_per_job: Annotated[
        float,
        typer.Option(
            "--embodied-g-per-job",
            min=0.0,
            help="Your hardware's embodied share of a job, for SCI.",
        ),
    ] = 0.0,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Energy, emissions and avoided emissions of finished jobs, with what is not known.

    Real and simulated, and marginal and average figures are never summed together.
    """
    from services.cli.output import console, error_console, print_json
    from services.cli.report_files import csv_text, json_value
    from services.cli.report_view import print_report

    if csv and json:
        raise typer.BadParameter("cannot be used with --json", param_hint="--csv")
    found = _read(data_dir, since, until, by, embodied_g_per_job)
    if html is not None:
        from services.cli.report_html import write_page

        write_page(html, found)
        error_console().print(f"written: {html}", soft_wrap=True)
    if json:
        print_json(json_value(found))
    elif csv:
        typer.echo(csv_text(found), nl=False)
    else:
        print_report(console(), found)


def _read(
    data_dir: Path, since: str, until: str | None, by: str, embodied_g_per_job: float
) -> "Report":
    from services.cli.report_data import read_report
    from services.cli.settings import find_places
    from shared.ledger.reads.report_rows import GroupBy
    from shared.ledger.schema import open_engine
    from shared.runtime import system_clock

    now = system_clock()
    start = _instant("--since", since, now)
    end = now if until is None else _instant("--until", until, now)
    if start >= end:
        raise typer.BadParameter("must be earlier than the end of the report", param_hint="--since")
    engine = open_engine(find_places(data_dir).ledger_url)
    try:
        return read_report(engine, start, end, now, GroupBy(by), embodied_g_per_job)
    finally:
        engine.dispose()


def _instant(option: str, text: str, now: datetime) -> datetime:
    from services.cli.quantities import parse_past

    return read_option(option, lambda typed: parse_past(typed, now), text)

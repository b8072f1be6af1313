"""`report`: what the finished jobs of a time emitted and avoided."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir, read_option

if TYPE_CHECKING:
    from shared.report.data import Report

TIME_HELP = "how long ago (30d, 12h), a UTC day (2026-11-01) or a time (2026-11-01T08:00:00Z)"
Files = dict[str, Path]


def report(  # noqa: PLR0913 - one option for each way of writing it
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
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Sums only: not what was possible, nor the embodied share."),
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="CSV on standard output, without totals.")
    ] = False,
    json: AsJson = False,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="FILE", help="Write the same columns as Parquet."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one self-contained page as well."),
    ] = None,
    impact_framework: Annotated[
        Path | None,
        typer.Option(
            "--impact-framework",
            metavar="FILE",
            help="Write a manifest for the Impact Framework's if-run as well.",
        ),
    ] = None,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Energy, emissions and avoided emissions of finished jobs, with what is not known.

    Real and simulated, and marginal and average figures are never summed together. The embodied
    share in SCI comes from EMBODIED_KG_PER_SERVER, SERVER_LIFETIME_YEARS and JOBS_PER_SERVER.
    """
    if csv and json:
        raise typer.BadParameter("cannot be used with --json", param_hint="--csv")
    named = {"--parquet": parquet, "--html": html, "--impact-framework": impact_framework}
    files = {option: path for option, path in named.items() if path is not None}
    _check(files)
    if quick and impact_framework is not None:
        raise typer.BadParameter("cannot be used with --quick", param_hint="--impact-framework")
    found = _read(data_dir, since, until, by, quick=quick)
    _write(files, found)
    _print(found, csv=csv, json=json)


def _check(files: Files) -> None:
    """Everything that can be wrong with the files, before the ledger is read."""
    from services.cli.report_writing import check_place, wrong_ending
    from shared.report.rows import check_parquet

    for option, path in files.items():
        if (wrong := wrong_ending(option, path)) is not None:
            raise typer.BadParameter(wrong, param_hint=option)
        check_place(option, path)
    if "--parquet" in files:
        check_parquet()


def _write(files: Files, found: "Report") -> None:
    from services.cli.output import error_console
    from services.cli.report_manifest import manifest_text
    from services.cli.report_writing import write_file
    from shared.report.page import page
    from shared.report.rows import parquet_bytes

    contents: dict[str, Callable[[Report], bytes]] = {
        "--parquet": parquet_bytes,
        "--html": lambda report: page(report).encode(),
        "--impact-framework": lambda report: manifest_text(report).encode(),
    }
    for option, path in files.items():
        write_file(option, path, contents[option](found))
        error_console().print(f"written: {path}", soft_wrap=True)


def _print(found: "Report", *, csv: bool, json: bool) -> None:
    from services.cli.output import console, error_console, print_json
    from services.cli.report_view import print_report, print_uncounted
    from shared.report.data import span
    from shared.report.rows import csv_text, json_value

    if not (csv or json):
        print_report(console(), found)
        return
    error_console().print(span(found.asked), soft_wrap=True)
    print_uncounted(error_console(), found)
    if json:
        print_json(json_value(found))
    else:
        typer.echo(csv_text(found), nl=False)


def _read(data_dir: Path, since: str, until: str | None, by: str, *, quick: bool) -> "Report":
    from services.cli.report_view import progress
    from services.cli.settings import find_places
    from shared.ledger.reads.report_rows import GroupBy
    from shared.ledger.schema import open_engine
    from shared.report.data import Question, read_report
    from shared.runtime import system_clock

    now = system_clock()
    start = _instant("--since", since, now)
    end = now if until is None else _instant("--until", until, now)
    if start >= end:
        raise typer.BadParameter("must be earlier than the end of the report", param_hint="--since")
    places = find_places(data_dir)
    asked = Question(start, end, now, GroupBy(by), places.settings.server, quick)
    engine = open_engine(places.ledger_url)
    try:
        return read_report(engine, asked, progress)
    finally:
        engine.dispose()


def _instant(option: str, text: str, now: datetime) -> datetime:
    from services.cli.quantities import parse_past

    return read_option(option, lambda typed: parse_past(typed, now), text)

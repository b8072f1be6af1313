"""`grid`: how clean electricity is now, and when it will be cleaner."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from typing import Annotated

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir


def grid(
    *,
    region: Annotated[
        str | None, typer.Option("--region", help="This one, not the one updated last.")
    ] = None,
    regions: Annotated[
        bool, typer.Option("--regions", help="Compare all regions, cleanest first.")
    ] = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """The grid now, its forecast, and the cleanest time ahead."""
    from services.cli.grid_report import all_reports, one_report
    from services.cli.grid_view import grid_rows, print_regions
    from services.cli.output import console, print_json, print_rows
    from services.cli.settings import find_places
    from shared.ledger.schema import open_engine
    from shared.runtime import system_clock

    if region is not None and regions:
        raise typer.BadParameter("it compares all; leave --region out", param_hint="--regions")
    now, out = system_clock(), console()
    engine = open_engine(find_places(data_dir).ledger_url)
    try:
        if regions:
            reports = all_reports(engine, now)
            if json:
                print_json({"regions": reports})
            else:
                print_regions(out, reports, now)
            return
        report = one_report(engine, region, now)
        if json:
            print_json(report)
        else:
            print_rows(out, grid_rows(engine, report, now, out.width))
    finally:
        engine.dispose()

"""`grid` and `plan`: how clean electricity is and will be, and what is planned when."""
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


def plan(
    *,
    region: Annotated[str | None, typer.Option("--region", help="Of this one alone.")] = None,
    every_slot: Annotated[
        bool, typer.Option("--all", help="Every slot, also those without work.")
    ] = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """The timetable: what is planned into which slot, and how much room is left there."""
    from services.cli.output import console, print_json
    from services.cli.plan_view import print_plans
    from services.cli.settings import find_places
    from shared.ledger.reads import latest_timetables
    from shared.ledger.schema import open_engine
    from shared.runtime import system_clock

    engine = open_engine(find_places(data_dir).ledger_url)
    try:
        plans = latest_timetables(engine, region)
    finally:
        engine.dispose()
    if json:
        print_json({"regions": plans})
    else:
        print_plans(console(), plans, system_clock(), every_slot=every_slot)

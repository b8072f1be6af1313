"""`status`, `why`, `watch` and `doctor`: the commands that only look."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir, JobId, OptionalJobId

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from services.cli.findings import Finding


def status(
    job_id: OptionalJobId = None,
    *,
    region: Annotated[
        str | None, typer.Option("--region", help="Of one grid region alone.")
    ] = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """The system at a glance, or one job."""
    from services.cli.output import console, print_json, print_rows
    from shared.runtime import system_clock

    now = system_clock()
    with _ledger(data_dir) as engine:
        if job_id is not None:
            show_job(engine, job_id, as_json=json)
            return
        from services.cli.statistics_view import read_statistics, statistics_rows

        stats, sizes = read_statistics(engine, now, region)
    if json:
        print_json(stats)
    else:
        print_rows(console(), statistics_rows(stats, sizes))


def show_job(engine: "Engine", job_id: str, *, as_json: bool) -> None:
    """One job, as `status ID` and `submit --wait` print it."""
    from services.cli.job_view import job_rows
    from services.cli.output import console, print_json, print_rows
    from shared.ledger.reads import job_status
    from shared.runtime import system_clock

    job = job_status(engine, job_id)
    if as_json:
        print_json(job)
    else:
        print_rows(console(), job_rows(job, system_clock()))


def why(job_id: JobId, *, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR) -> None:
    """Every decision about a job with its numbers, its attempts, and what came of them."""
    from services.cli.output import console, print_json
    from services.cli.trail_view import Trail, print_trail
    from shared.ledger.reads import attempts, audit_of_job, decisions, job_status
    from shared.runtime import system_clock

    with _ledger(data_dir) as engine:
        job = job_status(engine, job_id)
        trail = Trail(
            job,
            decisions(engine, job.id),
            attempts(engine, job.id),
            audit_of_job(engine, job.id),
        )
    if json:
        told = {"decisions": trail.decisions, "attempts": trail.attempts, "audit": trail.audit}
        account = {
            "account_version": job.account_version,
            "account_revisions": job.account_revisions,
        }
        print_json({"id": job.id} | told | account)
    else:
        print_trail(console(), trail, system_clock())


def watch(
    job_id: OptionalJobId = None,
    *,
    beats: Annotated[bool, typer.Option("--beats", help="The services' beats too.")] = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """What happens, while it happens; with an ID until that job has come to its end."""
    from services.cli.settings import find_places
    from services.cli.watch_view import watch_events

    asyncio.run(watch_events(find_places(data_dir), job_id, beats=beats, as_json=json))


def doctor(*, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR) -> None:
    """Check everything that jobs need, and say what to do; exits 1 if something is broken."""
    import httpx

    from services.cli.doctor import examine, print_findings
    from services.cli.findings import Mark
    from services.cli.output import console, print_json
    from services.cli.settings import find_places
    from shared.runtime import system_clock

    places = find_places(data_dir)

    async def all_findings() -> list["Finding"]:
        with httpx.Client() as client:
            return [finding async for finding in examine(places, system_clock, client)]

    findings = asyncio.run(all_findings())
    broken = any(finding.mark is Mark.FAILED for finding in findings)
    if json:
        print_json({"ok": not broken, "checks": findings})
    else:
        print_findings(console(), findings)
    if broken:
        raise typer.Exit(1)


@contextmanager
def _ledger(data_dir: Path) -> Iterator["Engine"]:
    from services.cli.settings import find_places
    from shared.ledger.schema import open_engine

    engine = open_engine(find_places(data_dir).ledger_url)
    try:
        yield engine
    finally:
        engine.dispose()

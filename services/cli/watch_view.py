"""How `watch` shows events: one line each, or JSON Lines."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import typer
from rich.console import Console
from sqlalchemy import Engine

from services.cli.event_words import ID_LENGTH, EventLine, event_line
from services.cli.job_lookup import look_up
from services.cli.job_view import job_rows
from services.cli.output import console, print_columns, print_json, print_rows
from services.cli.settings import Places
from services.cli.watch import NextEvent, follow, live_events, recorded_events
from shared.domain.jobs import FINAL_STATES
from shared.errors import BrokerUnreachable, LedgerUnreachable
from shared.ledger.reads import JobStatus
from shared.ledger.schema import open_engine
from shared.messages import AnyEvent, encode
from shared.runtime import system_clock


async def watch_events(places: Places, wanted: str | None, *, beats: bool, as_json: bool) -> None:
    """Show what happens; with a job until that has come to its end."""
    out = console()

    def show(event: AnyEvent) -> None:
        if as_json:
            typer.echo(encode(event).decode())
        else:
            print_event(out, event_line(event))

    async with _events(places) as next_event:
        job_id = None
        if wanted is None:
            typer.echo("watching; Ctrl-C ends", err=True)
        else:
            # Asked only now that nothing can be missed: the job may end at any moment.
            job = await look_up(places, wanted)
            if isinstance(job, JobStatus) and job.state in FINAL_STATES:
                _show_job(job, as_json=as_json)
                return
            job_id = job.id if isinstance(job, JobStatus) else job
            typer.echo(f"watching job {job_id} until it ends; Ctrl-C stops watching", err=True)
        await follow(next_event, show, job_id=job_id, beats=beats)


def print_event(out: Console, line: EventLine) -> None:
    """Time, job, word, and the rest below itself where a terminal is narrow."""
    print_columns(
        out, [((line.at, 8), (line.subject, ID_LENGTH), (line.word, 9), (line.text, None))]
    )


@asynccontextmanager
async def _events(places: Places) -> AsyncIterator[NextEvent]:
    """From the broker, else from the ledger."""
    async with AsyncExitStack() as stack:
        try:
            next_event = await stack.enter_async_context(live_events(places))
        except BrokerUnreachable as error:
            engine = _engine_instead(places, error)
            stack.callback(engine.dispose)
            typer.echo("no broker answers: following the ledger", err=True)
            next_event = await stack.enter_async_context(recorded_events(engine))
        yield next_event


def _engine_instead(places: Places, error: BrokerUnreachable) -> Engine:
    try:
        return open_engine(places.ledger_url)
    except LedgerUnreachable:
        raise error from None


def _show_job(job: JobStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        print_rows(console(), job_rows(job, system_clock()))

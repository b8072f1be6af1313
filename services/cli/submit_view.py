"""How `submit` reports: the id, the scheduler's answer, and the job's way if that is awaited."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import typer
from sqlalchemy import Engine

from services.cli.job_progress import progress_shown
from services.cli.job_view import job_rows
from services.cli.output import console, print_json, print_rows
from services.cli.settings import Places
from services.cli.submit import ANSWER_SECONDS, job_client, send, wait_for_end
from shared.client import JobClient, JobHandle
from shared.domain.jobs import State
from shared.errors import JobFailed
from shared.ledger.reads import JobStatus
from shared.ledger.schema import open_engine
from shared.messages import JobSubmit
from shared.runtime import system_clock

CANCEL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How long to wait for the job's end, and what becomes of it when the wait is interrupted."""

    seconds: float
    cancel_on_interrupt: bool = False


async def submit_job(
    places: Places,
    job: JobSubmit,
    waiting: WaitOptions | None,
    *,
    as_json: bool,
    answer_seconds: float = ANSWER_SECONDS,
) -> None:
    """Publish a job and report.

    Raises:
        JobRejected: the scheduler refused it.
        JobFailed: it was awaited and did not succeed.
        WaitTimedOut: it was awaited and goes on.
    """
    with ExitStack() as stack:
        engine = None
        if waiting is not None:
            # A ledger that cannot be read is found out before the job is sent, not after.
            engine = open_engine(places.ledger_url)
            stack.callback(engine.dispose)
        async with job_client(places, results=waiting is not None) as client:
            if engine is not None and waiting is not None:
                final = await _end_of(client, engine, job, waiting, answer_seconds)
                _report_end(final, as_json=as_json)
                return
            handle = await send(client, job, answer_seconds)
            _report_answer(job, handle, quietly=False)
            if as_json:
                print_json(_told(handle))
            else:
                typer.echo(str(handle.id))


def _told(handle: JobHandle) -> dict[str, object]:
    answered = handle.duplicate is not None
    return {
        "id": handle.id,
        "accepted": True,
        "answered": answered,
        "duplicate": bool(handle.duplicate),
    }


def _report_answer(job: JobSubmit, handle: JobHandle, *, quietly: bool) -> None:
    if handle.duplicate is None:
        known = "; if its key is known, the first job stands for it" if job.idempotency_key else ""
        typer.echo(f"published and confirmed; no scheduler has answered yet{known}", err=True)
    elif handle.duplicate:
        typer.echo(f"not placed again: job {handle.id} was first", err=True)
    elif not quietly:
        follow = f"follow it with `carbon-aware watch {handle.id}`"
        typer.echo(f"accepted; {follow}", err=True)


async def _end_of(
    client: JobClient,
    engine: Engine,
    job: JobSubmit,
    waiting: WaitOptions,
    answer_seconds: float,
) -> JobStatus:
    job_id = job.id
    try:
        handle = await send(client, job, answer_seconds)
        _report_answer(job, handle, quietly=True)
        job_id = handle.id
        with progress_shown() as show:
            return await wait_for_end(
                client, engine, job_id, waiting.seconds, clock=system_clock, show=show
            )
    except asyncio.CancelledError:  # what Ctrl-C makes of the running task
        if job_id is not None:
            await _interrupted(client, job_id, waiting)
        raise


async def _interrupted(client: JobClient, job_id: UUID, waiting: WaitOptions) -> None:
    if waiting.cancel_on_interrupt:
        async with asyncio.timeout(CANCEL_SECONDS):
            await client.cancel(job_id, reason="the wait for it was interrupted")
        typer.echo(f"asked to cancel job {job_id}", err=True)
        return
    typer.echo(
        f"job {job_id} goes on; follow it with `carbon-aware watch {job_id}`, "
        f"call it off with `carbon-aware cancel {job_id}`",
        err=True,
    )


def _report_end(final: JobStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(final)
    else:
        print_rows(console(), job_rows(final, system_clock()))
    if final.state is not State.SUCCEEDED:
        raise JobFailed(
            f"job {final.id} is {final.state.value}: {final.error or final.reason or 'no reason'}; "
            f"see `carbon-aware why {final.id}`"
        )

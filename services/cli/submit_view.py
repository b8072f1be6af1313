"""How `submit` reports: the id, the scheduler's answer, and the job's end if that is awaited."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from sqlalchemy import Engine

from services.cli.job_view import job_rows
from services.cli.output import console, error_console, print_json, print_rows
from services.cli.settings import Places
from services.cli.submit import ANSWER_SECONDS, Show, send, wait_until_final
from services.cli.words import moment
from shared.domain.jobs import State
from shared.errors import CarbonAwareError, JobFailed
from shared.ledger.reads import JobStatus
from shared.ledger.schema import open_engine
from shared.messages import JobSubmit
from shared.runtime import system_clock


class Rejected(CarbonAwareError):
    """The scheduler does not take the job."""


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How long to wait for the job's end."""

    seconds: float


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
        Rejected: the scheduler refused it.
        JobFailed: it was awaited and did not succeed.
        WaitTimedOut: it was awaited and goes on.
    """
    # A ledger that cannot be read is found out before the job is sent, not after.
    engine = open_engine(places.ledger_url) if waiting else None
    try:
        answer = await send(places, job, answer_seconds)
        if answer is not None and not answer.accepted:
            raise Rejected(f"the job was rejected: {answer.reason}")
        if answer is None:
            typer.echo("published and confirmed; no scheduler has answered yet", err=True)
        if engine is not None and waiting is not None:
            await _report_end(engine, job, waiting, as_json=as_json)
        elif as_json:
            print_json({"id": job.id, "accepted": True, "answered": answer is not None})
        else:
            typer.echo(str(job.id))
            if answer is not None:
                follow = f"follow it with `carbon-aware watch {job.id}`"
                typer.echo(f"accepted; {follow}", err=True)
    finally:
        if engine is not None:
            engine.dispose()


async def _report_end(
    engine: Engine, job: JobSubmit, waiting: WaitOptions, *, as_json: bool
) -> None:
    if job.id is None:
        raise ValueError("a submission without an id cannot be awaited")
    with _spinner() as show:
        final = await wait_until_final(
            engine, job.id, waiting.seconds, clock=system_clock, show=show
        )
    if as_json:
        print_json(final)
    else:
        print_rows(console(), job_rows(final, system_clock()))
    if final.state is not State.SUCCEEDED:
        raise JobFailed(
            f"job {final.id} is {final.state.value}: {final.error or final.reason or 'no reason'}; "
            f"see `carbon-aware why {final.id}`"
        )


@contextmanager
def _spinner() -> Iterator[Show]:
    """A spinner on a terminal; elsewhere one line for each new state."""
    out = error_console()
    if out.is_terminal and not out.is_dumb_terminal:
        with out.status("submitted") as spinner:
            yield lambda job: spinner.update(progress(job))
    else:
        yield _changes()


def progress(job: JobStatus | None) -> str:
    """Where a job is, in a few words."""
    if job is None:
        return "submitted"
    if job.state is State.DEFERRED and job.planned_at is not None:
        return f"deferred, planned {moment(job.planned_at, system_clock())}"
    return job.state.value


def _changes() -> Show:
    last: list[State | None] = []

    def show(job: JobStatus | None) -> None:
        state = job.state if job else None
        if last != [state]:
            last[:] = [state]
            typer.echo(progress(job), err=True)

    return show

"""`cancel` and `run-now`: what becomes of one job, in one line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4, uuid5

import typer

from services.cli.control_asking import first_event, send_control
from services.cli.job_lookup import look_up
from services.cli.output import print_json
from services.cli.settings import Places
from services.cli.watch import NextEvent, live_events
from services.cli.words import clock as clock_words
from services.cli.words import duration
from shared.domain.jobs import FINAL_STATES, State
from shared.domain.reasons import Cause
from shared.errors import CarbonAwareError, WaitTimedOut
from shared.ledger.reads import JobStatus
from shared.messages import (
    Action,
    AnyEvent,
    CancelJob,
    ControlTaken,
    JobCancelled,
    JobDied,
    JobEvent,
    JobExpired,
    JobReleased,
    JobStarted,
    JobSucceeded,
    RunJobNow,
    action_of,
)

ENDS: dict[type[AnyEvent], State] = {
    JobSucceeded: State.SUCCEEDED,
    JobDied: State.DEAD,
    JobExpired: State.EXPIRED,
    JobCancelled: State.CANCELLED,
}
VERBS = {Action.CANCEL: "cancel", Action.RUN_NOW: "run"}


class NotDone(CarbonAwareError):
    """The order cannot be followed; the message says why."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How an order is given.

    Attributes:
        by: who asks.
        wait_seconds: how long to wait for its effect; None does not wait.
        as_json: whether the answer is JSON.
    """

    by: str
    wait_seconds: float | None
    as_json: bool
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of an order; `state` is the job's, where that is known."""

    state: State | None
    line: str


async def cancel_job(places: Places, wanted: str, asking: Asking) -> None:
    """Call a job off, and say what became of that.

    Raises:
        NotFound: the ledger knows no such job.
        NotDone: it is over already, or ended before it could be stopped.
        WaitTimedOut: nothing was heard in time.
    """
    async with live_events(places) as next_event:
        job_id = await _not_over(places, wanted, Action.CANCEL, asking.clock())
        asked = CancelJob(id=uuid4(), at=asking.clock(), by=asking.by, job_id=job_id)
        await send_control(places, asked)
        if asking.wait_seconds is None:
            _report(asked, None, asking)
            return
        event = await first_event(
            next_event, lambda event: _is_end(event, job_id), asking.wait_seconds
        )
    if event is None:
        await _too_late(places, asked, asking)
    _report(asked, _cancelled(asked, event), asking)


async def run_job_now(places: Places, wanted: str, asking: Asking) -> None:
    """Pull a waiting job out of its slot, and say what became of that.

    Raises:
        NotFound: the ledger knows no such job.
        NotDone: it is over, or paused.
        WaitTimedOut: nothing was heard in time.
    """
    async with live_events(places) as next_event:
        found = await look_up(places, wanted)
        now = asking.clock()
        job_id = found.id if isinstance(found, JobStatus) else found
        asked = RunJobNow(id=uuid4(), at=now, by=asking.by, job_id=job_id)
        if isinstance(found, JobStatus):
            _refuse_if_over(found, Action.RUN_NOW, now)
            if found.state in {State.READY, State.RUNNING}:
                _report(asked, Effect(found.state, _runs_anyway(found)), asking)
                return
        await send_control(places, asked)
        if asking.wait_seconds is None:
            _report(asked, None, asking)
            return
        event = await _released(next_event, asked, asking.wait_seconds)
    if event is None:
        await _too_late(places, asked, asking)
    _report(asked, _pulled(asked, event), asking)


async def _released(next_event: NextEvent, asked: RunJobNow, seconds: float) -> AnyEvent | None:
    def tells(event: AnyEvent) -> bool:
        if isinstance(event, ControlTaken):
            return event.id == uuid5(asked.id, "scheduler") and _held_by(event) is not None
        ours = isinstance(event, JobEvent) and event.job_id == asked.job_id
        return ours and isinstance(event, (JobReleased, JobStarted, *ENDS))

    return await first_event(next_event, tells, seconds)


async def _not_over(places: Places, wanted: str, action: Action, now: datetime) -> UUID:
    found = await look_up(places, wanted)
    if isinstance(found, UUID):
        return found
    _refuse_if_over(found, action, now)
    return found.id


def _refuse_if_over(job: JobStatus, action: Action, now: datetime) -> None:
    if job.state not in FINAL_STATES:
        return
    at = f" at {clock_words(job.finished_at, now)}" if job.finished_at else ""
    how = {State.DEAD: "already failed for good", State.CANCELLED: "was cancelled already"}
    words = how.get(job.state, f"already {job.state.value}")
    hint = ""
    if job.state is State.DEAD:
        hint = f"; see `carbon-aware dead show {job.id}`"
    raise NotDone(f"job {job.id} {words}{at}, nothing to {VERBS[action]}{hint}")


async def _too_late(places: Places, asked: CancelJob | RunJobNow, asking: Asking) -> None:
    """Nothing was heard: the job may have been over, which the ledger learnt a moment later.

    Raises:
        NotDone: it was.
        WaitTimedOut: it was not.
    """
    found = await look_up(places, str(asked.job_id))
    if isinstance(found, JobStatus):
        if found.state is State.CANCELLED and isinstance(asked, CancelJob):
            return
        _refuse_if_over(found, action_of(asked), asking.clock())
    state = f"; it is {found.state.value}" if isinstance(found, JobStatus) else ""
    raise WaitTimedOut(
        f"nothing came of it within {duration(asking.wait_seconds or 0)}{state}; the order "
        f"stands for whoever meets job {asked.job_id}, see `carbon-aware watch {asked.job_id}`"
    )


def _is_end(event: AnyEvent, job_id: UUID) -> bool:
    ours = isinstance(event, JobEvent) and event.job_id == job_id
    return ours and isinstance(event, tuple(ENDS))


def _cancelled(asked: CancelJob, event: AnyEvent | None) -> Effect:
    job = f"job {asked.job_id}"
    if event is None or (isinstance(event, JobCancelled) and event.attempt is None):
        return Effect(State.CANCELLED, f"{job} is cancelled; nothing of it was running")
    if isinstance(event, JobCancelled):
        return Effect(State.CANCELLED, f"{job} is cancelled; its attempt {event.attempt} was ended")
    raise NotDone(f"{job} ended before it could be stopped: it is {ENDS[type(event)].value}")


def _pulled(asked: RunJobNow, event: AnyEvent | None) -> Effect:
    job = f"job {asked.job_id}"
    if isinstance(event, ControlTaken):
        raise NotDone(f"{job} is not released: {_held_by(event)}")
    if isinstance(event, JobReleased):
        why = "" if event.cause is Cause.ASKED else f" ({event.reason})"
        return Effect(State.READY, f"{job} is released to {event.region}, {event.lane} lane{why}")
    if isinstance(event, JobStarted):
        return Effect(State.RUNNING, f"{job} runs in {event.region}, attempt {event.attempt}")
    end = ENDS[type(event)] if event is not None else None
    raise NotDone(f"{job} ended before it was released: it is {end.value if end else 'over'}")


def _held_by(taken: ControlTaken) -> str | None:
    """What the scheduler says about a job that it may not release."""
    _, _, note = taken.scope.partition(": ")
    return note or None


def _runs_anyway(job: JobStatus) -> str:
    if job.state is State.RUNNING:
        return f"job {job.id} runs already"
    lane = f", {job.lane} lane" if job.lane else ""
    return f"job {job.id} is released already, to {job.region}{lane}: it waits for a worker"


def _report(asked: CancelJob | RunJobNow, effect: Effect | None, asking: Asking) -> None:
    line = f"asked; follow it with `carbon-aware watch {asked.job_id}`"
    if effect is not None:
        line = effect.line
    if asking.as_json:
        print_json(
            {
                "id": asked.job_id,
                "action": action_of(asked),
                "by": asked.by,
                "done": effect is not None,
                "state": effect.state if effect else None,
                "message": line,
            }
        )
    else:
        typer.echo(line)

"""`pause`, `resume` and `eco`: what was asked of scheduler and pools, and who heard it."""

from datetime import datetime

import typer

from services.cli.control_asking import Answers, gather_answers, send_control
from services.cli.control_jobs import Asking
from services.cli.output import print_json
from services.cli.settings import Places
from services.cli.watch import live_events
from services.cli.words import clock, counted, duration
from shared.errors import WaitTimedOut
from shared.messages import PauseWork, ResumeWork, SetEco, action_of, scope_words


async def ask_for_work(
    places: Places, asked: PauseWork | ResumeWork | SetEco, asking: Asking
) -> None:
    """Pause, resume or set the eco mode, and say who follows.

    Raises:
        WaitTimedOut: nobody has answered in time; the order stands.
    """
    async with live_events(places) as next_event:
        await send_control(places, asked)
        if asking.wait_seconds is None:
            _report(asked, None, asking)
            return
        of_scheduler = not isinstance(asked, SetEco)
        answers = await gather_answers(
            next_event, asked, asking.wait_seconds, of_scheduler=of_scheduler
        )
    if not (answers.scheduler if of_scheduler else answers.pools):
        who = "no scheduler has" if of_scheduler else "no worker pool has"
        raise WaitTimedOut(
            f"{who} answered within {duration(asking.wait_seconds)}; the order stands, and holds "
            "for whoever starts later; see `carbon-aware doctor`"
        )
    _report(asked, answers, asking)


def effect_line(
    asked: PauseWork | ResumeWork | SetEco, answers: Answers | None, now: datetime
) -> str:
    """What holds now, and who said so."""
    if answers is None:
        return f"asked: {_request(asked, now)}"
    heard = [counted(len(answers.pools), "pool")] if answers.pools else []
    if answers.scheduler is not None:
        heard.insert(0, "the scheduler")
    return f"{_effect(asked, now)}; heard by {' and '.join(heard)}"


def _request(asked: PauseWork | ResumeWork | SetEco, now: datetime) -> str:
    if isinstance(asked, SetEco):
        return f"eco mode {_mode(asked, now)}"
    return f"{action_of(asked).value} {scope_words(asked)}"


def _effect(asked: PauseWork | ResumeWork | SetEco, now: datetime) -> str:
    if isinstance(asked, SetEco):
        what = "capacity follows the grid" if asked.on else "every pool has its base capacity"
        return f"eco mode is {_mode(asked, now)}: {what}"
    if isinstance(asked, PauseWork):
        return f"{scope_words(asked)} is paused, what runs goes on"
    return f"{scope_words(asked)} goes on"


def _mode(asked: SetEco, now: datetime) -> str:
    until = f" until {clock(asked.until, now)}" if asked.until else ""
    return f"{'on' if asked.on else 'off'}{until}"


def _report(
    asked: PauseWork | ResumeWork | SetEco, answers: Answers | None, asking: Asking
) -> None:
    line = effect_line(asked, answers, asking.clock())
    if not asking.as_json:
        typer.echo(line)
        return
    print_json(
        {
            "action": action_of(asked),
            "scope": scope_words(asked),
            "by": asked.by,
            "done": answers is not None,
            "scheduler": answers is not None and answers.scheduler is not None,
            "pools": sorted(answers.pools) if answers else [],
            "message": line,
        }
    )

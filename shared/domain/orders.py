"""Jobs that somebody asked to run now or to hold back: decided without regard to the grid."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.decisions import Defer, Expire, Rules, RunNow, decide_among
from shared.domain.grid import Grid, utc
from shared.domain.jobs import Job, OnDeadline, Priority
from shared.domain.reasons import Cause, Order
from shared.domain.timetable import Timetable


def run_as_asked(
    job: Job,
    now: datetime,
    grids: Sequence[Grid],
    timetable: Timetable,
    rules: Rules,
    order: Order,
) -> RunNow | Expire:
    """Run a job at once in the urgent lane, where it is cleanest now.

    One that can no longer finish by its deadline, and asked for it, is given up all the same.
    """
    decision = _as_critical(job, now, grids, timetable, rules)
    if isinstance(decision, Expire):
        return decision
    numbers = replace(decision.numbers, limit=job.accepts())
    return replace(decision, cause=Cause.ASKED, numbers=numbers, order=order)


def hold_back(
    job: Job,
    now: datetime,
    grids: Sequence[Grid],
    timetable: Timetable,
    rules: Rules,
    order: Order,
) -> Defer | Expire:
    """Keep a paused job on the wheel, past its latest start if need be; it takes no room there.

    It waits as far ahead as the wheel reaches, for the end of the pause has it decided at once
    and nothing else has to. One that is to be given up when it is too late waits for just that.
    """
    decision = _as_critical(job, now, grids, timetable, rules)
    if isinstance(decision, Expire):
        return decision
    wheel = timetable.wheel
    slot = wheel.last_slot(now.timestamp())
    if job.on_deadline is OnDeadline.EXPIRE:
        slot = min(slot, wheel.slot_at(job.latest_start(0.0).timestamp()) + 1)
    numbers = replace(
        decision.numbers,
        limit=job.accepts(),
        expected_g_per_kwh=None,
        expected_saving_g=None,
    )
    return Defer(Cause.PAUSED, numbers, slot, utc(wheel.start_s(slot)), None, order)


def _as_critical(
    job: Job, now: datetime, grids: Sequence[Grid], timetable: Timetable, rules: Rules
) -> RunNow | Expire:
    """A critical job waits for nothing, so its decision shows what running now would be."""
    critical = replace(job, priority=Priority.CRITICAL)
    decision = decide_among(critical, now, grids, timetable, rules)
    if isinstance(decision, Defer):
        raise TypeError("a critical job was deferred")
    return decision

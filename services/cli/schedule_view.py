"""Periodic jobs as `schedule list` prints them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import typer
from rich.console import Console
from rich.text import Text

from services.cli.output import print_columns
from services.cli.words import duration, moment
from shared.schedules import Schedule, next_run, run_id

_MOST_WIDE = 32


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One periodic job; scripts depend on these names.

    Attributes:
        next_at: when its next run falls due.
        finish_by: the latest finish of that run; None where its window is the job type's.
        next_id: the id of that run's job.
    """

    name: str
    type: str
    cron: str
    timezone: str
    next_at: datetime | None
    finish_by: datetime | None
    next_id: UUID | None
    within_seconds: float | None
    until: str | None
    catch_up: bool | None


def planned_runs(schedules: Iterable[Schedule], now: datetime) -> list[ScheduleRow]:
    """Each schedule with its next run."""
    return [_row(each, now) for each in schedules]


def print_schedules(out: Console, rows: Sequence[ScheduleRow], now: datetime) -> None:
    """One line for each, the names in a column."""
    if not rows:
        typer.echo("no periodic jobs: write a [[schedule]] into jobs.toml", err=True)
        return
    names = min(_MOST_WIDE, max(len(row.name) for row in rows))
    crons = max(len(row.cron) for row in rows)
    for row in rows:
        line = Text(f"next {moment(row.next_at, now)}" if row.next_at else "never again")
        line.append(f", {_window(row)}, {row.type}")
        if row.timezone != "UTC":
            line.append(f", times of {row.timezone}", "dim")
        print_columns(out, [((row.name, names), (row.cron, crons), (line, None))])


def _window(row: ScheduleRow) -> str:
    if row.until is not None:
        return f"done by {row.until}"
    if row.within_seconds is not None:
        return f"done within {duration(row.within_seconds)}"
    return "by the usual deadline of its type"


def _row(schedule: Schedule, now: datetime) -> ScheduleRow:
    run = next_run(schedule, now)
    return ScheduleRow(
        name=schedule.name,
        type=schedule.job.type,
        cron=schedule.cron,
        timezone=schedule.zone.key,
        next_at=run.at if run else None,
        finish_by=run.deadline if run else None,
        next_id=run_id(run) if run else None,
        within_seconds=schedule.within_seconds,
        until=schedule.until.isoformat("minutes") if schedule.until else None,
        catch_up=schedule.catch_up,
    )

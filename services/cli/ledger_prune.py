"""What `ledger prune` does: count, ask, delete piece by piece."""

import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.cli.control_asking import user_at_host
from services.cli.ledger_commands import bar, opened
from services.cli.options import read_option
from services.cli.output import print_json
from services.cli.settings import find_places
from services.cli.words import counted
from shared.domain.durations import parse_duration
from shared.ledger.prune import Deleted, Pruning, readings_limit, survey
from shared.ledger.reads.query import reading
from shared.ledger.schema import unreachable, writing
from shared.ledger.writes.retention import Pruned, PruneNote
from shared.runtime import system_clock


@dataclass(frozen=True, slots=True)
class PruneOrder:
    """What was asked for, as it was typed.

    Attributes:
        older_than: how long ago jobs ended.
        readings_older_than: how old readings are; as jobs if None.
        by: who asks; found out if None.
        dry_run: nothing is deleted.
        yes: nobody is asked.
    """

    older_than: str
    readings_older_than: str | None
    by: str | None
    dry_run: bool
    yes: bool


def prune_ledger(order: PruneOrder, data_dir: Path, *, as_json: bool) -> None:
    """Delete what is old, or count it."""
    now = system_clock()
    wanted = _limits(order, now)
    with opened(find_places(data_dir).ledger_url) as engine:
        found, readings_before = _look(engine, wanted)
        pruned = Pruned(wanted.jobs_before, readings_before)
        if not order.dry_run:
            _confirm(order, found, pruned)
            note = PruneNote(uuid4(), now, order.by or user_at_host(), wanted)
            found = _prune(engine, note, found)
    _say(found, pruned, order, as_json=as_json)


def _limits(order: PruneOrder, now: datetime) -> Pruned:
    def ago(text: str) -> datetime:
        try:
            # Whoever types 90 means days, and 90 seconds would delete nearly everything.
            return now - timedelta(seconds=parse_duration(text, needs_unit=True))
        except OverflowError:
            raise ValueError(f"{text!r} is longer than there is time; write 90d") from None

    jobs_before = read_option("--older-than", ago, order.older_than)
    if order.readings_older_than is None:
        return Pruned(jobs_before, jobs_before)
    readings = read_option("--readings-older-than", ago, order.readings_older_than)
    return Pruned(jobs_before, readings)


def _look(engine: Engine, wanted: Pruned) -> tuple[Deleted, datetime]:
    readings_wanted = wanted.readings_before or wanted.jobs_before
    with reading(engine) as connection:
        found = survey(connection, wanted.jobs_before, readings_wanted)
        return found, readings_limit(connection, wanted.jobs_before, readings_wanted)


def _confirm(order: PruneOrder, found: Deleted, pruned: Pruned) -> None:
    """Ask, where there is a person to ask."""
    if not order.yes and _somebody_is_there():
        what = counted(found.jobs, "job")
        when = f"{pruned.jobs_before:%Y-%m-%d %H:%M} UTC"
        typer.confirm(f"delete {what} that ended before {when} for ever?", abort=True, err=True)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _prune(engine: Engine, note: PruneNote, found: Deleted) -> Deleted:
    pruning, more = Pruning(note), True
    with bar("deleting", sum(asdict(found).values())) as told:
        while more:
            before, began = sum(asdict(pruning.deleted).values()), time.monotonic()
            try:
                with writing(engine) as connection:
                    more = pruning.step(connection)
            except SQLAlchemyError as error:
                raise unreachable(error) from error
            told(sum(asdict(pruning.deleted).values()) - before)
            time.sleep(time.monotonic() - began)  # half of the time is the recorder's
    return pruning.deleted


def _say(found: Deleted, pruned: Pruned, order: PruneOrder, *, as_json: bool) -> None:
    if as_json:
        limits = {"jobs_before": pruned.jobs_before, "readings_before": pruned.readings_before}
        print_json({"dry_run": order.dry_run, **limits, "deleted": found})
        return
    verb = "would go" if order.dry_run else "deleted"
    when = f"{pruned.jobs_before:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"{verb}: {counted(found.jobs, 'job')} that ended before {when}")
    rest = {name: count for name, count in asdict(found).items() if name != "jobs"}
    typer.echo(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in rest.items()))

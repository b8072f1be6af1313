"""What `ledger prune` does: count, ask, delete piece by piece."""

import sys
import time
from dataclasses import asdict, dataclass, replace
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
from shared.ledger.prune import Deleted, Pruning, survey
from shared.ledger.prune_limits import Holder, count_dead, readings_limit
from shared.ledger.readers import refuse_readers
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


@dataclass(frozen=True, slots=True)
class Gone:
    """What went or would go, how far, and why no further.

    Attributes:
        dead_jobs: how many of the deleted jobs were dead.
        held_by: the job without an end for which more readings stay than was asked for.
    """

    deleted: Deleted
    dead_jobs: int
    pruned: Pruned
    held_by: Holder | None


def prune_ledger(order: PruneOrder, data_dir: Path, *, as_json: bool) -> None:
    """Delete what is old, or count it."""
    now = system_clock()
    wanted = _limits(order, now)
    with opened(find_places(data_dir).ledger_url) as engine:
        gone = _look(engine, wanted)
        if not order.dry_run:
            refuse_readers(engine)
            _confirm(order, gone)
            note = PruneNote(uuid4(), now, order.by or user_at_host(), wanted)
            pruning = _prune(engine, note, gone.deleted)
            gone = replace(gone, deleted=pruning.deleted, dead_jobs=pruning.dead_jobs)
    _say_as_json(gone, order) if as_json else _say(gone, order)


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


def _look(engine: Engine, wanted: Pruned) -> Gone:
    before, readings_wanted = wanted.jobs_before, wanted.readings_before or wanted.jobs_before
    with reading(engine) as connection:
        found = survey(connection, before, readings_wanted)
        limit = readings_limit(connection, before, readings_wanted)
        dead_jobs = count_dead(connection, before)
    return Gone(found, dead_jobs, Pruned(before, limit.before), limit.held_by)


def _confirm(order: PruneOrder, gone: Gone) -> None:
    """Ask, where there is a person to ask."""
    if not order.yes and _somebody_is_there():
        what, when = counted(gone.deleted.jobs, "job"), _minute(gone.pruned.jobs_before)
        typer.confirm(f"delete {what} that ended before {when} for ever?", abort=True, err=True)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _prune(engine: Engine, note: PruneNote, found: Deleted) -> Pruning:
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
    return pruning


def _say_as_json(gone: Gone, order: PruneOrder) -> None:
    pruned, held_by = gone.pruned, gone.held_by
    print_json(
        {
            "dry_run": order.dry_run,
            "jobs_before": pruned.jobs_before,
            "readings_before": pruned.readings_before,
            "deleted": gone.deleted,
            "dead_jobs": gone.dead_jobs,
            "readings_held_by": held_by and held_by.job_id,
        }
    )


def _say(gone: Gone, order: PruneOrder) -> None:
    verb, when = "would go" if order.dry_run else "deleted", _minute(gone.pruned.jobs_before)
    typer.echo(f"{verb}: {counted(gone.deleted.jobs, 'job')} that ended before {when}")
    rest = {name: count for name, count in asdict(gone.deleted).items() if name != "jobs"}
    typer.echo(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in rest.items()))
    if gone.dead_jobs:
        which = f"{gone.dead_jobs} of the jobs {'is' if gone.dead_jobs == 1 else 'are'} dead"
        typer.echo(
            f"note: {which}; what is still in jobs.dead can be replayed, without its history"
        )
    held_by = gone.held_by
    if held_by is not None:
        which = f"job {held_by.job_id} of {_minute(held_by.began_at)} is still {held_by.state}"
        see = f"see `carbon-aware status {held_by.job_id}`"
        typer.echo(f"note: {which}: readings from a day before it on stay for its account; {see}")


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

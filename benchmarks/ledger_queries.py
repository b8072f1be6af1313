"""How long the dashboard's queries take on a ledger of a million jobs, and its bytes per job.

    python benchmarks/ledger_queries.py --folder FOLDER [--jobs 1000000] [--days 100] [--plan]
        [--postgres URL]

The ledger is built once and kept in the folder. With --plan, each statement's query plan follows.
The URL names a PostgreSQL database, into which the ledger is copied if it is empty; then its
queries are measured.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from ledger_build import build
from ledger_copy import copied
from ledger_events import RARE_TYPE, REGIONS, START
from sqlalchemy import Engine, event

from shared.domain.grid import Signal
from shared.domain.jobs import Priority, State
from shared.ledger import reads
from shared.ledger.reads import report
from shared.ledger.reads.dashboard_live import avoided_since, deadlines, waiting_since
from shared.ledger.reads.due import due_jobs, early_releases
from shared.ledger.reads.forecast_error import forecast_review
from shared.ledger.reads.pages import job_types
from shared.ledger.reads.queues import rejected_messages, waiting_jobs
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.reads.spans import first_finish
from shared.ledger.reads.waiting import deferral_costs, wait_distribution
from shared.ledger.upkeep import size_bytes

Query = Callable[[Engine], object]
KIND: dict[str, Any] = {"signal": Signal.MARGINAL, "simulated": True}
EXPLAIN = {"sqlite": ("EXPLAIN QUERY PLAN", 3), "postgresql": ("EXPLAIN", 0)}
"""How to ask for a plan, and which word of an answer's row says it."""
HEADS = f"{'query':<34} {'median ms':>9} {'CPU ms':>7} {'rows':>6}"


def queries(now: datetime, job: reads.JobLine, middle: reads.Mark) -> dict[str, Query]:
    """Every read of the dashboard, page by page."""
    region, day = REGIONS[0], now - timedelta(days=1)
    month = now - timedelta(days=30)
    chosen = reads.JobFilter
    pages = {
        "all": chosen(),
        "of a state": chosen((State.DEAD,)),
        "of states": chosen((State.DEAD, State.CANCELLED, State.DEFERRED)),
        "succeeded": chosen((State.SUCCEEDED,)),
        "of a rare type": chosen(types=(RARE_TYPE,)),
        "of an error": chosen(text="broke"),
        "of a priority": chosen(priorities=(Priority.CRITICAL,)),
        "of a region": chosen(regions=(region,)),
        "by words": chosen(text="train"),
        "by an id": chosen(text=str(job.id)[:8]),
    }
    return {
        "statistics": lambda engine: reads.statistics(engine, now),
        "statistics, region": lambda engine: reads.statistics(engine, now, region),
        "latest grid": lambda engine: reads.latest_grid(engine, None, now),
        "readings since a day": lambda engine: reads.readings_since(engine, region, day),
        "planned": lambda engine: reads.planned(engine, region, day),
        "pool sizes since a day": lambda engine: reads.pool_sizes_since(engine, region, day),
        "pools": lambda engine: reads.pools(engine, now),
        "services": lambda engine: reads.services(engine, now),
        "timetables": reads.latest_timetables,
        "savings over a day": lambda engine: reads.savings_over_time(engine, day, **KIND),
        "recent decisions": partial(reads.recent_decisions, limit=8),
        "recent decisions, region": partial(reads.recent_decisions, limit=8, region=region),
        "recent decisions, unknown region": partial(reads.recent_decisions, limit=8, region="X"),
        "recent events": reads.recent_events,
        "recent jobs": reads.recent_jobs,
        **{f"jobs, {name}": partial(_page, wanted=wanted) for name, wanted in pages.items()},
        "jobs, from the middle": partial(_page, wanted=chosen(), before=middle),
        "job": lambda engine: reads.job_status(engine, job.id),
        "job, decisions": lambda engine: reads.decisions(engine, job.id),
        "job, attempts": lambda engine: reads.attempts(engine, job.id),
        "job, audit": lambda engine: reads.audit_of_job(engine, job.id),
        **{
            f"savings by {by.value}, 30 days": partial(
                report.report, since=month + timedelta(hours=5), until=now, by=by
            )
            for by in GroupBy
        },
        "savings by type, everything": partial(
            report.report, since=START, until=now, by=GroupBy.TYPE
        ),
        "curves, 30 days": partial(report.curves, since=month, until=now, points=120),
        "curves, a day": partial(report.curves, since=day, until=now, points=120),
        "never ran, 30 days": partial(report.never_ran, since=month, until=now),
        "waits, 30 days": partial(wait_distribution, since=month, until=now),
        "deferral costs, 30 days": partial(deferral_costs, since=month, until=now, by=GroupBy.TYPE),
        "audit since a day": partial(reads.audit, since=day),
        **_of_the_live_page(region, now),
        **_of_the_other_pages(region, now),
    }


def _of_the_live_page(region: str, now: datetime) -> dict[str, Query]:
    """What it draws beside the grid."""
    day, month = now - timedelta(days=1), now - timedelta(days=30)
    return {
        "deadlines": partial(deadlines, region=region, since=day, until=now),
        "waiting since a day": partial(waiting_since, region=None, since=day),
        "avoided in a day": partial(avoided_since, since=day, **KIND),
        "avoided in 30 days": partial(avoided_since, since=month, **KIND),
    }


def _of_the_other_pages(region: str, now: datetime) -> dict[str, Query]:
    """Plan, System, Jobs and Savings."""
    day, month = now - timedelta(days=1), now - timedelta(days=30)
    return {
        "due jobs": partial(due_jobs, region=region),
        "early releases": partial(early_releases, region=region, since=day, slot_seconds=300.0),
        "waiting jobs": waiting_jobs,
        "rejected messages": rejected_messages,
        "dead jobs": partial(reads.recent_jobs, states=[State.DEAD], limit=20),
        "forecast review": partial(forecast_review, region=region, now=now),
        "job types": partial(job_types, since=month),
        "first end": partial(first_finish, since=month),
        "revised accounts": partial(reads.revised_accounts, since=month, until=now),
    }


def _page(
    engine: Engine, wanted: reads.JobFilter, before: reads.Mark | None = None
) -> Sequence[reads.JobLine]:
    return reads.job_lines(engine, wanted, limit=50, before=before).lines


def measured(engine: Engine, query: Query, repeats: int) -> tuple[float, float, int]:
    """Medians of some warm runs in milliseconds, by the clock and of the CPU, and the rows."""
    found = query(engine)
    taken, worked = [], []
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        query(engine)
        taken.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - began_cpu))
    return median(taken), median(worked), len(found) if isinstance(found, Sized) else 1


def plans(engine: Engine, query: Query) -> list[str]:
    """The steps of every statement that a query runs, in the database's words."""
    with _statements(engine) as seen:
        query(engine)
    explain, word = EXPLAIN[engine.dialect.name]
    steps = []
    with engine.connect() as connection:
        for statement, parameters in seen:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
            steps += [row[word] for row in rows]
    return steps


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:  # noqa: ANN401 - SQLAlchemy's own
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def every_query(engine: Engine, days: int) -> dict[str, Query]:
    """The queries as they are asked at the end of such a ledger."""
    now = START + timedelta(days=days)
    job = reads.job_lines(engine, reads.JobFilter(), limit=1).lines[0]
    return queries(now, job, reads.Mark(START + timedelta(days=days / 2), job.id))


def main(arguments: Sequence[str] | None = None) -> None:
    """Build if need be, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--postgres", metavar="URL")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    file = asked.folder / f"ledger-{asked.jobs}-{asked.days}.db"
    engine = build(file, asked.jobs, asked.days)
    if asked.postgres:
        engine = copied(engine, asked.postgres)
    size = size_bytes(engine) / asked.jobs
    print(f"{asked.jobs:,} jobs over {asked.days} days, medians of {asked.repeats} warm runs")
    print(f"{size:,.0f} bytes a job in {engine.dialect.name}, with every index\n\n{HEADS}")
    for name, query in every_query(engine, asked.days).items():
        ms, cpu_ms, rows = measured(engine, query, asked.repeats)
        print(f"{name:<34} {ms:>9.1f} {cpu_ms:>7.1f} {rows:>6}")
        for step in plans(engine, query) if asked.plan else ():
            print(f"    {step}")
    engine.dispose()


if __name__ == "__main__":
    main()

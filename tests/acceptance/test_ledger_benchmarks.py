"""The ledger's benchmarks on a small ledger: their shape, and that no hot query walks a table."""

import re
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.ledger.rollups import rollups_differences
from shared.ledger.tables import attempts, events, jobs

JOBS, DAYS = 300, 3
BIG = re.compile(r"SCAN (jobs|attempts|events|readings|pool_sizes)(?! USING COVERING)")


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("ledger_queries")


@pytest.fixture
def engine(bench, tmp_path):
    opened = bench.build(tmp_path / "ledger.db", JOBS, DAYS)
    yield opened
    opened.dispose()


def test_copied_days_are_as_large_as_the_first_and_add_up(engine):
    with engine.connect() as connection:
        assert rollups_differences(connection) == []
        counted = Counter(at.date() for at in connection.scalars(select(jobs.c.submitted_at)))
        assert list(counted.values()) == [JOBS // DAYS] * DAYS
        told = select(events.c.job_id).distinct()
        orphans = select(func.count()).where(attempts.c.job_id.not_in(select(jobs.c.id)))
        assert len(connection.execute(told.where(events.c.job_id.is_not(None))).all()) == JOBS
        assert connection.scalar(orphans) == 0


def test_no_query_of_the_dashboard_walks_a_large_table(bench, engine):
    found = bench.every_query(engine, DAYS)
    assert len(found) > 30
    walks = {
        name: [step for step in bench.plans(engine, query) if BIG.match(step)]
        for name, query in found.items()
        # These read the table backwards from its end, and stop after a page.
        if not name.startswith("recent")
    }
    assert {name: steps for name, steps in walks.items() if steps} == {}


def test_the_table_has_a_line_for_every_query(bench, tmp_path: Path, capsys):
    size = ["--jobs", str(JOBS), "--days", str(DAYS)]
    bench.main(["--folder", str(tmp_path), *size, "--repeats", "1", "--plan"])
    title, bytes_line, _, heads, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("300 jobs over 3 days")
    assert bytes_line.endswith("bytes a job, with every index")
    assert "median ms" in heads
    assert len([line for line in lines if not line.startswith("    ")]) > 30
    assert any("USING INDEX" in line for line in lines)


def test_the_speed_is_told_in_events_a_second(benchmark_script, capsys):
    benchmark_script("ledger_speed").main(["--jobs", "20"])
    title, line = capsys.readouterr().out.splitlines()
    assert " events of 20 jobs, 2000 to a transaction" in title
    assert re.match(r"SQLite +[\d,]+ events/s, [\d,]+ for each second of its core", line)

"""The ledger's benchmarks on a small ledger: their shape, and that no hot query walks a table."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from shared.ledger.rollups import rollups_differences
from shared.ledger.schema import open_engine
from shared.ledger.tables import attempts, events, jobs

JOBS, DAYS = 300, 3
MOST_BYTES = 1_300
"""Of a job in SQLite with all its events, empty tables included: 1,204 when this was written."""
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
    assert len(found) > 50
    walks = {
        name: [step for step in bench.plans(engine, query) if BIG.match(step)]
        for name, query in found.items()
        # These walk backwards from the end, and stop after a page.
        if name not in {"recent events", "recent jobs"}
    }
    assert {name: steps for name, steps in walks.items() if steps} == {}


def test_the_table_has_a_line_for_every_query(bench, tmp_path: Path, capsys):
    size = ["--jobs", str(JOBS), "--days", str(DAYS)]
    bench.main(["--folder", str(tmp_path), *size, "--repeats", "1", "--plan"])
    title, bytes_line, _, heads, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("300 jobs over 3 days")
    assert bytes_line.endswith("bytes a job in sqlite, with every index")
    assert "median ms" in heads
    assert len([line for line in lines if not line.startswith("    ")]) > 50
    assert any("USING INDEX" in line for line in lines)


def test_a_copy_in_postgresql_has_every_row(bench, engine, postgres_server: str, capsys):
    size = ["--jobs", str(JOBS), "--days", str(DAYS)]
    folder = Path(engine.url.database).parent
    Path(engine.url.database).rename(folder / f"ledger-{JOBS}-{DAYS}.db")
    with emptied(postgres_server) as url:
        for _ in range(2):  # the second time it is there
            bench.main(
                ["--folder", str(folder), *size, "--repeats", "1", "--postgres", url, "--plan"]
            )
        copy = open_engine(url)
        with copy.connect() as connection:
            assert rollups_differences(connection) == []
            told = connection.scalar(select(func.count()).select_from(events))
        copy.dispose()
    with engine.connect() as connection:
        assert told == connection.scalar(select(func.count()).select_from(events))
    out = capsys.readouterr().out
    assert "bytes a job in postgresql" in out
    assert "Index Scan" in out


@contextmanager
def emptied(server: str) -> Iterator[str]:
    """An empty database of one's own."""
    name = f"t_{secrets.token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield engine.url.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def test_the_size_is_told_by_table_and_stays_small(benchmark_script, capsys):
    benchmark_script("ledger_size").main(["--jobs", "1000"])
    title, _, database, total, *parts = capsys.readouterr().out.splitlines()
    assert title.endswith(" events of 1,000 jobs")
    assert database == "SQLite"
    assert total.endswith(" bytes a job in all")
    assert int(total.split()[0].replace(",", "")) < MOST_BYTES
    assert {"events", "jobs", "attempts"} <= {line.split()[1] for line in parts}


def test_the_speed_is_told_in_events_a_second(benchmark_script, capsys):
    benchmark_script("ledger_speed").main(["--jobs", "20"])
    title, line = capsys.readouterr().out.splitlines()
    assert " events of 20 jobs, 2000 to a transaction" in title
    assert re.match(r"SQLite +[\d,]+ events/s, [\d,]+ for each second of a core", line)


@pytest.mark.parametrize("writers", ["1", "2"])
def test_the_speed_into_postgresql_is_that_of_all_writers(
    writers, benchmark_script, postgres_server: str, capsys
):
    asked = ["--jobs", "1000", "--writers", writers]
    with emptied(postgres_server) as url:
        benchmark_script("ledger_speed").main([*asked, "--postgres", url])
        title, _, line = capsys.readouterr().out.splitlines()
        assert re.match(r"PostgreSQL +[\d,]+ events/s, [\d,]+ for each second of a core", line)
        engine = open_engine(url)
        with engine.connect() as connection:
            told = connection.scalar(select(func.count()).select_from(events))
            assert rollups_differences(connection) == []
        engine.dispose()
    assert title.startswith(f"{told:,} events of 1,000 jobs")

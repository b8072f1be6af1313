"""What is special to PostgreSQL: addresses, and that its reports equal those of SQLite."""

from typing import Any

import pytest
from sqlalchemy import create_engine

from shared.ledger.reads import job_status, optimum, report
from shared.ledger.reads.known_jobs import known_jobs
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record


@pytest.mark.parametrize("by", GroupBy)
def test_a_report_is_the_same_in_both_databases(
    postgres_ledger: Any, sqlite_ledger: Any, story: Any, life: Any, by: GroupBy
) -> None:
    unknown = [story.accepted(2, 20), story.succeeded(2, 30, 90, energy_kwh=None)]
    for each in (postgres_ledger, sqlite_ledger):
        each.record(*life, *unknown)
        each.settle()
    since, until = story.at(0), story.at(9000)
    found = report.report(postgres_ledger.engine, since, until, by)
    assert [kind.total.known_jobs for kind in found] == [1, 0]
    assert found == report.report(sqlite_ledger.engine, since, until, by)
    curves = report.curves(postgres_ledger.engine, since, until, 7)
    assert curves
    assert curves == report.curves(sqlite_ledger.engine, since, until, 7)


def test_what_was_possible_is_the_same_in_both_databases(
    postgres_ledger: Any, sqlite_ledger: Any, story: Any, life: Any
) -> None:
    choice = [
        story.accepted(3, 20, regions=(story.region, "PJM"), deadline=story.at(900)),
        story.started(3, 300),
        story.succeeded(3, 300, 600),
        *(story.intensity(300 * n, 90.0 + n, region="PJM") for n in range(4)),
    ]
    engines = [each.engine for each in (postgres_ledger, sqlite_ledger)]
    for each in (postgres_ledger, sqlite_ledger):
        each.record(*life, *choice)
        each.settle()
    jobs = [known_jobs(engine, story.at(0), story.at(9000)) for engine in engines]
    here, there = (sorted(some, key=lambda job: job.submitted_s) for some in jobs)
    assert here == there
    assert [job.regions for job in here] == [(story.region,), (story.region, "PJM")]
    found = optimum.bounds(engines[0], here)
    assert [bound.avoided_g is not None for bound in found] == [False, True]
    assert found == optimum.bounds(engines[1], there)


@pytest.mark.parametrize("name", ["postgresql", "postgres"])
def test_a_plain_address_means_the_driver_of_the_extra(postgres_ledger: Any, name: str) -> None:
    url = postgres_ledger.engine.url.set(drivername=name)
    engine = open_engine(url.render_as_string(hide_password=False))
    assert engine.dialect.driver == "psycopg"
    engine.dispose()


def test_a_database_without_an_encoding_keeps_every_letter(
    postgres_server: str, story: Any, life: Any
) -> None:
    server = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    url = server.url.set(database="ascii").render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
        migrate(url)
        engine = open_engine(url)
        with writing(engine) as recording:
            record(recording, [*life, story.cancelled(2, 20, by="J\u00f6rg")])
        assert job_status(engine, story.job_id(2)).cancelled_by == "J\u00f6rg"
        engine.dispose()
        connection.exec_driver_sql("DROP DATABASE ascii WITH (FORCE)")
    server.dispose()

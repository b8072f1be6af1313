"""What is special to PostgreSQL: addresses, and that its reports equal those of SQLite."""

from typing import Any

import pytest

from shared.ledger.reads import report
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.schema import open_engine


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


@pytest.mark.parametrize("name", ["postgresql", "postgres"])
def test_a_plain_address_means_the_driver_of_the_extra(postgres_ledger: Any, name: str) -> None:
    url = postgres_ledger.engine.url.set(drivername=name)
    engine = open_engine(url.render_as_string(hide_password=False))
    assert engine.dialect.driver == "psycopg"
    engine.dispose()

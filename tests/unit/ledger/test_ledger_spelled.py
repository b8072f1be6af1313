"""The views show in words what the tables hold in codes."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import inspect

from shared.ledger.reads import report
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.schema import alembic_config, writing
from shared.ledger.stored import Identifier, Rank, Word
from shared.ledger.tables import metadata

PAGE = Path(__file__).resolve().parents[3] / "docs" / "method.md"
CODED = {
    table.name
    for table in metadata.sorted_tables
    if any(isinstance(column.type, Identifier | Rank | Word) for column in table.columns)
}


def rows(ledger: Any, view: str) -> list[dict[str, Any]]:
    with ledger.engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {view}")  # noqa: S608 - our own names
        return [dict(row) for row in found.mappings()]


def instant(value: Any) -> datetime:
    """PostgreSQL gives it as one, SQLite as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@pytest.mark.parametrize("table", sorted(CODED))
def test_each_coded_table_has_a_view_with_as_many_rows(
    ledger: Any, story: Any, life: Any, table: str
) -> None:
    ledger.record(*life, story.revised(5000, 300, [100.0]), story.rejected(10))
    with ledger.engine.connect() as connection:
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608
    assert len(rows(ledger, f"{table}_spelled")) == count


def test_a_job_is_spelled_out(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    ledger.settle()
    (job,) = rows(ledger, "jobs_spelled")
    assert str(job["id"]) == str(story.job_id(1))
    assert (job["state"], job["priority"], job["signal"]) == ("succeeded", "normal", "marginal")
    assert instant(job["finished_at"]) == story.at(1030)
    assert instant(job["planned_at"]) == story.at(600)
    assert job["cancelled_by"] is job["progress_at"] is None
    assert not any(name.endswith("_key") for name in job)


def test_decisions_have_what_their_events_say(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    found = sorted(rows(ledger, "decisions_spelled"), key=lambda row: row["place"])
    assert [row["outcome"] for row in found] == ["deferred", "released", "released"]
    assert {UUID(str(row["job_id"])) for row in found} == {story.job_id(1)}
    assert [instant(row["at"]) for row in found] == [story.at(n) for n in (11, 600, 725)]


def test_instants_keep_their_microseconds(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0.000123), story.rejected(10))
    (job,) = rows(ledger, "jobs_spelled")
    assert instant(job["submitted_at"]) == story.at(0.000123)
    (rejection,) = rows(ledger, "rejections_spelled")
    assert rejection["job_id"] is None


def test_there_are_no_views_of_older_tables(ledger: Any) -> None:
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "0005")
        assert inspect(connection).get_view_names() == []
        command.upgrade(alembic_config(connection), "head")
    with ledger.engine.connect() as connection:
        assert f"{min(CODED)}_spelled" in inspect(connection).get_view_names()


def test_the_queries_of_the_method_page_find_what_the_reports_do(ledger: Any, story: Any) -> None:
    sums, losses = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ledger.record(*(story.intensity(300 * n, 100.0 + 50 * n) for n in range(5)))
    for number, begun in ((1, 0), (2, 600)):
        ledger.record(story.accepted(number, 0), story.succeeded(number, begun, begun + 300))
    ledger.settle()
    (kind,) = report.report(ledger.engine, story.at(0), story.at(9000), GroupBy.TYPE)
    with ledger.engine.connect() as connection:
        (row,) = connection.exec_driver_sql(sums).mappings().all()
        (lost,) = connection.exec_driver_sql(losses).mappings().all()
    assert (row["signal"], bool(row["simulated"])) == (kind.signal, kind.simulated)
    assert row["jobs"] == kind.total.known_jobs == 2
    for name in ("emissions_g", "baseline_g", "avoided_g"):
        assert row[name] == pytest.approx(getattr(kind.total, name))
    assert str(lost["id"]) == str(story.job_id(2))
    assert (lost["avoided_g"], lost["intensity_method"]) == (kind.total.avoided_g, "observed")

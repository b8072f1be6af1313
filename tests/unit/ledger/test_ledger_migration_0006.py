"""Version 0006 and back: waits by bucket and packed, reasons in rows and with decisions alone."""

from typing import Any

import pytest
from alembic import command

from shared.domain.waits import bucket_of
from shared.ledger import reads
from shared.ledger.rollups import rollups_differences
from shared.ledger.schema import alembic_config, writing

OLD_WAITS = (
    "SELECT day, region, type, priority, signal, simulated, bucket, jobs, wait_microseconds"
    " FROM daily_waits ORDER BY bucket"
)


@pytest.fixture
def filled(ledger: Any, story: Any, life: Any) -> Any:
    """Jobs that succeeded after 600, 60 and 60 s, and one each that waits and that died."""
    ledger.record(*life)
    for number in (2, 3):
        ledger.record(story.accepted(number, 0), story.succeeded(number, 60, 160))
    ledger.record(story.accepted(4, 0), story.deferred(4, 1, until=600, deferrals=1))
    ledger.record(story.accepted(5, 0), story.released(5, 1), story.failed(5, 2, 3))
    ledger.record(story.died(5, 4, 1))
    ledger.settle()
    return ledger


def test_the_way_there_and_back_keeps_every_row(filled: Any) -> None:
    before = filled.all_rows()
    with writing(filled.engine) as connection:
        command.downgrade(alembic_config(connection), "0005")
        command.upgrade(alembic_config(connection), "head")
        assert rollups_differences(connection) == []
    assert filled.all_rows() == before


def test_older_tables_have_a_row_for_each_bucket(filled: Any) -> None:
    with writing(filled.engine) as connection:
        command.downgrade(alembic_config(connection), "0005")
        rows = connection.exec_driver_sql(OLD_WAITS).all()
        command.upgrade(alembic_config(connection), "head")
    held = [(row.bucket, row.jobs, row.wait_microseconds) for row in rows]
    assert held == [
        (bucket_of(2.0), 1, 2_000_000),
        (bucket_of(60.0), 2, 120_000_000),
        (bucket_of(600.0), 1, 600_000_000),
    ]


def test_older_tables_repeat_the_reasons_of_jobs_that_did_not_succeed(
    filled: Any, story: Any
) -> None:
    with writing(filled.engine) as connection:
        command.downgrade(alembic_config(connection), "0005")
        query = "SELECT submitted_at, state, reason FROM jobs ORDER BY state"
        rows = connection.exec_driver_sql(query).all()
        command.upgrade(alembic_config(connection), "head")
    reasons = {row.state: row.reason for row in rows}
    assert len(rows) == 5
    assert reasons == {"d": "it is dirty", "s": None, "x": "it is dirty"}
    told = reads.job_status(filled.engine, story.job_id(4))
    assert told.reason == "it is dirty"
    assert reads.job_status(filled.engine, story.job_id(1)).reason is None


def test_the_last_decision_has_the_last_word(filled: Any, story: Any) -> None:
    filled.record(story.deferred(4, 700, until=900, deferrals=2, reason="it is dirty again"))
    filled.record(story.released(4, 600, deferrals=1))  # told late
    assert reads.job_status(filled.engine, story.job_id(4)).reason == "it is dirty again"


def test_attempts_have_no_second_tree_in_sqlite(sqlite_ledger: Any) -> None:
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_autoindex_attempts_1'"
    with writing(sqlite_ledger.engine) as connection:
        assert connection.exec_driver_sql(query).scalar() == 0, "created, then migrated"
        command.downgrade(alembic_config(connection), "0005")
        assert connection.exec_driver_sql(query).scalar() == 1
        command.upgrade(alembic_config(connection), "head")
        assert connection.exec_driver_sql(query).scalar() == 0


def test_long_errors_are_shortened_for_their_index(filled: Any, story: Any) -> None:
    with writing(filled.engine) as connection:
        command.downgrade(alembic_config(connection), "0005")
        connection.exec_driver_sql(f"UPDATE jobs SET error = '{'e' * 9_000}' WHERE state = 'x'")  # noqa: S608 - our own letters
        command.upgrade(alembic_config(connection), "head")
    assert reads.job_status(filled.engine, story.job_id(5)).error == "e" * 500

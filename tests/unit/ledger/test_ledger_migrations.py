"""What was recorded with older tables is still there, and takes part in what comes after."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine

from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.instants import to_microseconds
from shared.ledger.schema import alembic_config, migrate, open_engine, writing
from shared.ledger.writes import record

TIME = "{:019d}00000000"


def upgrade(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), revision)


class Old:
    """Rows as the program of the first tables wrote them."""

    def __init__(self, engine: Engine, story: Any) -> None:
        self.engine, self.story = engine, story

    def job(self, number: int, state: State, key: str, attempts: int) -> None:
        self._insert(
            "jobs",
            id=self.story.job_id(number).hex,
            state_key=key,
            state=state.value,
            state_at=to_microseconds(self.story.at(100)),
            submitted_at=to_microseconds(self.story.at(0)),
            attempts=attempts,
            deferrals=1,
        )

    def attempt(self, number: int, attempt: int, rank: int, outcome: str | None) -> None:
        self._insert(
            "attempts",
            job_id=self.story.job_id(number).hex,
            attempt=attempt,
            key=f"{rank}{TIME.format(to_microseconds(self.story.at(10 * attempt)))}",
            pool="host-1:R",
            region=self.story.region,
            started_at=to_microseconds(self.story.at(10 * attempt)),
            finished_at=to_microseconds(self.story.at(10 * attempt + 5)) if outcome else None,
            outcome=outcome,
            energy_kwh=0.5 if outcome else None,
            energy_method="declared" if outcome else None,
            error="it broke" if outcome == "failed" else None,
        )

    def _insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        with self.engine.connect() as connection:
            raw = connection.connection.cursor()
            raw.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                values,
            )
            raw.close()
            connection.connection.commit()


@pytest.fixture(params=["0001", "0002"])
def migrated(request: Any, tmp_path: Path, story: Any) -> Iterator[Engine]:
    """A ledger with three jobs in old tables, brought up to date: running, retrying and done."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    engine = create_engine(url)
    upgrade(engine, request.param)
    old = Old(engine, story)
    at = to_microseconds(story.at(100))
    old.job(1, State.RUNNING, f"0{1:06d}1{0:06d}03{TIME.format(at)}", attempts=2)
    old.attempt(1, 1, 1, "failed")
    old.attempt(1, 2, 0, None)
    old.job(2, State.RETRYING, f"0{0:06d}2{0:06d}04{TIME.format(at)}", attempts=1)
    old.attempt(2, 1, 1, "failed")
    old.job(3, State.SUCCEEDED, f"12{TIME.format(10**18 - at)}", attempts=1)
    old.attempt(3, 1, 2, "succeeded")
    engine.dispose()
    migrate(url)
    opened = open_engine(url)
    yield opened
    opened.dispose()


def tell(engine: Engine, *events: Any) -> None:
    with writing(engine) as connection:
        record(connection, events)


def job(engine: Engine, story: Any, number: int) -> reads.JobStatus:
    return reads.job_status(engine, story.job_id(number))


def test_attempts_survive_as_piece_one(migrated: Engine, story: Any) -> None:
    first, second = reads.attempts(migrated, story.job_id(1))
    assert (first.attempt, first.piece, first.outcome, first.error) == (1, 1, "failed", "it broke")
    assert (first.energy_kwh, first.started_at) == (0.5, story.at(10))
    assert (second.attempt, second.piece, second.outcome) == (2, 1, None)
    assert len(reads.attempts(migrated, story.job_id(3))) == 1


def test_old_states_keep_their_place_among_new_events(migrated: Engine, story: Any) -> None:
    assert job(migrated, story, 1).state is State.RUNNING
    tell(migrated, story.released(1, 900, attempts=1, deferrals=9))
    assert job(migrated, story, 1).state is State.RUNNING, "a late release of what runs already"
    tell(migrated, story.paused(1, 20, 950, attempt=2, left=5.0))
    assert job(migrated, story, 1).state is State.PAUSED
    tell(migrated, story.released(1, 960, attempts=1, deferrals=9, piece=2))
    assert job(migrated, story, 1).state is State.READY


def test_an_old_retry_waits_for_its_next_attempt(migrated: Engine, story: Any) -> None:
    tell(migrated, story.started(2, 999), story.paused(2, 10, 999, left=5.0, piece=3))
    assert job(migrated, story, 2).state is State.RETRYING
    tell(migrated, story.released(2, 50, attempts=1))
    assert job(migrated, story, 2).state is State.READY


def test_an_old_success_stays_one(migrated: Engine, story: Any) -> None:
    tell(migrated, story.cancelled(3, 1), story.failed(3, 10, 11))
    row = job(migrated, story, 3)
    assert (row.state, row.pieces[0].outcome) == (State.SUCCEEDED, "succeeded")


def test_going_back_keeps_the_last_piece_of_each_attempt(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.paused(1, 10, 20, left=5.0))
    ledger.record(story.started(1, 30, piece=2))
    query = "SELECT state_key FROM jobs"
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "0002")
        assert len(connection.exec_driver_sql(query).scalar() or "") == 43
        rows = connection.exec_driver_sql("SELECT attempt, outcome, key FROM attempts").all()
        command.upgrade(alembic_config(connection), "head")
    assert [(row[0], row[1], row[2][0]) for row in rows] == [(1, None, "0")]
    assert job(ledger.engine, story, 1).state is State.RUNNING


def test_accounts_that_were_settled_before_versions_are_version_one(
    ledger: Any, story: Any
) -> None:
    grid = [story.intensity(300 * n, 400.0) for n in range(4)]
    ledger.record(*grid, story.accepted(1, 0), story.succeeded(1, 300, 600), story.accepted(2, 0))
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "0003")
        command.upgrade(alembic_config(connection), "head")
    assert job(ledger.engine, story, 1).account_version == 1
    tell(ledger.engine, story.succeeded(2, 300, 600), story.revised(5000, 300, [100.0]))
    revised, first = (job(ledger.engine, story, number) for number in (1, 2))
    assert (revised.account_version, revised.emissions_g) == (2, 100.0)
    assert (first.account_version, first.emissions_g) == (1, 100.0), "it was never settled before"
    assert revised.account_revisions[0].was.emissions_g == 400.0


def test_going_back_and_forth_keeps_events_decisions_and_regions(
    ledger: Any, story: Any, life: Any
) -> None:
    ledger.record(*life, story.accepted(8, 3, regions=("A", "B")))
    before = ledger.all_rows()
    regions = "SELECT regions FROM jobs WHERE regions IS NOT NULL"
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "0003")
        rows = connection.exec_driver_sql("SELECT reason, band FROM decisions").all()
        command.upgrade(alembic_config(connection), "head")
        assert connection.exec_driver_sql(regions).scalars().all() == ['["A", "B"]']
    assert len(rows) == len(before["decisions"]) > 0
    assert {tuple(row) for row in rows} == {("it is dirty", "high")}
    after = ledger.all_rows()
    assert after["events"] == before["events"]
    assert after["decisions"] == before["decisions"]

"""Every question finds its own fault and no other; tidying keeps everything."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from shared.errors import LedgerUnreachable
from shared.ledger import schema
from shared.ledger.checks import Question, check
from shared.ledger.schema import open_engine, writing
from shared.ledger.tables import attempts, daily, decisions, events, jobs
from shared.ledger.upkeep import size_bytes, vacuum

FAULTS: dict[Question, Callable[[Any], Any]] = {
    Question.JOBS_WITHOUT_EVENTS: lambda job: delete(events).where(events.c.job_id == job),
    Question.EVENTS_WITHOUT_JOB: lambda job: delete(jobs).where(jobs.c.id == job),
    Question.DECISIONS_MISSING: lambda job: delete(decisions).where(
        decisions.c.place.in_(select(events.c.place).where(events.c.job_id == job)),
        decisions.c.deferrals == 0,
    ),
    Question.END_WITHOUT_TIME: lambda job: update(jobs).values(finished_at=None),
    Question.ACCOUNTS_DUE: lambda job: (
        update(jobs).where(jobs.c.id == job).values(account_due=True)
    ),
    Question.ENERGY: lambda job: (
        update(attempts).where(attempts.c.attempt == 1).values(energy_kwh=0.75)
    ),
    Question.AVOIDED: lambda job: update(jobs).values(avoided_g=jobs.c.avoided_g + 0.001),
    Question.ATTEMPTS: lambda job: update(jobs).values(attempts=1),
    Question.DEFERRALS: lambda job: update(jobs).values(deferrals=0),
}


IN_SUMS_TOO = {Question.END_WITHOUT_TIME, Question.AVOIDED, Question.DEFERRALS}
"""Faults of a figure that roll-ups add up, so that they no longer are the jobs' sums."""


def faults(ledger: Any) -> dict[Question, tuple[int, tuple[str, ...]]]:
    return {a.question: (a.count, a.examples) for a in check(ledger.engine) if a.count}


@pytest.fixture
def full(ledger: Any, story: Any, life: Any) -> Any:
    """One finished job, one that has only been heard of, and what is no job."""
    ledger.record(*life, story.started(2, 5), story.progressed(3, 5, 9, 0.5), story.beat(1))
    ledger.record(
        story.released(1, 5), story.rejected(7), story.succeeded(4, 5, 9, energy_kwh=None)
    )
    ledger.settle()
    return ledger


def test_a_sound_ledger_has_no_fault(full: Any) -> None:
    assert faults(full) == {}
    assert [answer.question for answer in check(full.engine)] == list(Question)


@pytest.mark.parametrize("question", FAULTS)
def test_each_fault_is_found(full: Any, story: Any, question: Question) -> None:
    job = story.job_id(1)
    with writing(full.engine) as connection:
        connection.execute(FAULTS[question](job))
    found = faults(full)
    assert set(found) - {Question.ROLLUPS} == {question}
    assert (Question.ROLLUPS in found) == (question in IN_SUMS_TOO)
    assert str(job) in found[question][1]


def test_an_unknown_energy_that_is_known_is_a_fault(full: Any, story: Any) -> None:
    with writing(full.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == story.job_id(4)).values(energy_kwh=1.0))
    found = faults(full)
    assert found[Question.ENERGY] == (1, (str(story.job_id(4)),))
    assert set(found) == {Question.ENERGY, Question.ROLLUPS}


def test_a_roll_up_that_is_no_sum_of_its_jobs_is_found(full: Any) -> None:
    with writing(full.engine) as connection:
        connection.execute(
            update(daily)
            .where(daily.c.ran_jobs > 0, daily.c.avoided_micrograms != 0)
            .values(avoided_micrograms=daily.c.avoided_micrograms + 1)
        )
    ((question, (count, examples)),) = faults(full).items()
    assert (question, count) == (Question.ROLLUPS, 1)
    assert examples[0].startswith("daily of day ")


def test_a_torn_file_is_found(sqlite_ledger: Any, story: Any) -> None:
    sqlite_ledger.record(*(story.accepted(number, number) for number in range(200)))
    vacuum(sqlite_ledger.engine)
    sqlite_ledger.engine.dispose()
    path = sqlite_ledger.engine.url.database
    with open(path, "r+b") as file:  # noqa: PTH123 - bytes in the middle
        file.seek(-4096 * 3, 2)
        file.write(b"\xff" * 2048)
    with_faults = []
    try:
        with_faults = [a.question for a in check(sqlite_ledger.engine) if a.count]
    except LedgerUnreachable as error:
        assert "malformed" in str(error)
    else:
        assert Question.FILE in with_faults


def test_a_vacuum_gives_space_back_and_keeps_everything(ledger: Any, story: Any) -> None:
    ledger.record(*(story.accepted(number, number) for number in range(2000)))
    with writing(ledger.engine) as connection:
        connection.execute(delete(events).where(events.c.at > story.at(100)))
        connection.execute(delete(jobs).where(jobs.c.submitted_at > story.at(100)))
    before, size = ledger.dump(), size_bytes(ledger.engine)
    vacuum(ledger.engine)
    assert ledger.dump() == before
    assert size_bytes(ledger.engine) < size
    ledger.record(story.accepted(9000, 9000))


def test_a_vacuum_of_a_locked_ledger_is_one_line(
    sqlite_ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 10)
    impatient = open_engine(str(sqlite_ledger.engine.url))
    with writing(sqlite_ledger.engine), pytest.raises(LedgerUnreachable, match="locked"):
        vacuum(impatient)
    impatient.dispose()

"""Does the ledger agree with itself? Questions whose answer should be: nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, exists, func, or_, select

from shared.domain.jobs import FINAL_STATES
from shared.ledger.decided import NAMES
from shared.ledger.reads.query import reading
from shared.ledger.rollups import rollups_differences
from shared.ledger.tables import attempts, decisions, events, jobs

EXAMPLES = 3
TOLERANCE = 1e-9
"""Relative; sums of doubles in another order differ by less."""
_FINAL = tuple(state.value for state in FINAL_STATES)
_OF_NO_JOB = ("job.rejected.v1", "control.taken.v1")
"""They may name a job that the ledger never heard of."""


class Question(StrEnum):
    """What is asked of every row."""

    FILE = "file"
    JOBS_WITHOUT_EVENTS = "jobs without events"
    EVENTS_WITHOUT_JOB = "events without job"
    DECISIONS_MISSING = "decisions missing"
    END_WITHOUT_TIME = "ends without time"
    ACCOUNTS_DUE = "accounts due"
    ENERGY = "energy"
    AVOIDED = "avoided emissions"
    ATTEMPTS = "attempt counters"
    DEFERRALS = "deferral counters"
    ROLLUPS = "roll-ups"


@dataclass(frozen=True, slots=True)
class Answer:
    """How often a question was answered with yes.

    Attributes:
        examples: up to three ids of jobs; of the file the database's own words, of roll-ups
            which of their rows.
    """

    question: Question
    count: int
    examples: tuple[str, ...] = ()


def check(engine: Engine) -> Iterator[Answer]:
    """Ask every question, at one instant.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    with reading(engine) as connection:
        yield _file(connection)
        for question, query in _queries().items():
            found = query.subquery()
            count = connection.scalar(select(func.count()).select_from(found)) or 0
            some = connection.scalars(select(found.c.id).limit(EXAMPLES)) if count else ()
            yield Answer(question, count, tuple(str(each) for each in some))
        wrong = rollups_differences(connection)
        yield Answer(Question.ROLLUPS, len(wrong), tuple(wrong[:EXAMPLES]))


def _file(connection: Connection) -> Answer:
    """What the database itself finds in its pages."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        failures = connection.exec_driver_sql(query).scalar() or 0
        return Answer(Question.FILE, failures, ("checksum failures",) if failures else ())
    said = connection.exec_driver_sql(f"PRAGMA integrity_check({EXAMPLES})").scalars().all()
    wrong = tuple(str(line) for line in said if line != "ok")
    return Answer(Question.FILE, len(wrong), wrong)


def _queries() -> dict[Question, Select[UUID] | Select[UUID | None]]:
    """The ids of the jobs that answer each question with yes."""
    return {
        Question.JOBS_WITHOUT_EVENTS: select(jobs.c.id).where(
            # Of words on progress none is kept as an event.
            jobs.c.progress_key.is_(None),
            ~exists().where(events.c.job_id == jobs.c.id),
        ),
        Question.EVENTS_WITHOUT_JOB: select(events.c.job_id.label("id"))
        .where(
            events.c.job_id.is_not(None),
            events.c.type.not_in(_OF_NO_JOB),
            ~exists().where(jobs.c.id == events.c.job_id),
        )
        .distinct(),
        Question.DECISIONS_MISSING: select(events.c.job_id.label("id"))
        .where(
            events.c.type.in_(NAMES),
            ~exists().where(decisions.c.place == events.c.place),
        )
        .distinct(),
        Question.END_WITHOUT_TIME: select(jobs.c.id).where(
            jobs.c.state.in_(_FINAL), jobs.c.finished_at.is_(None)
        ),
        Question.ACCOUNTS_DUE: select(jobs.c.id).where(jobs.c.account_due),
        Question.ENERGY: _energy(),
        Question.AVOIDED: select(jobs.c.id).where(
            _differ(jobs.c.avoided_g, jobs.c.baseline_g - jobs.c.emissions_g)
        ),
        Question.ATTEMPTS: select(jobs.c.id).where(
            exists().where(attempts.c.job_id == jobs.c.id, attempts.c.attempt > jobs.c.attempts)
        ),
        Question.DEFERRALS: select(jobs.c.id).where(
            exists().where(
                events.c.job_id == jobs.c.id,
                decisions.c.place == events.c.place,
                decisions.c.deferrals > jobs.c.deferrals,
            )
        ),
    }


def _energy() -> Select[UUID]:
    """Finished jobs whose energy is not the sum of their pieces'; unknown where one of them is."""
    told = (
        select(
            attempts.c.job_id,
            func.sum(attempts.c.energy_kwh).label("energy_kwh"),
            (func.count() - func.count(attempts.c.energy_kwh)).label("unknown"),
        )
        .where(attempts.c.finished_at.is_not(None))
        .group_by(attempts.c.job_id)
        .subquery()
    )
    known = and_(told.c.unknown == 0, told.c.energy_kwh.is_not(None))
    return (
        select(jobs.c.id)
        .join(told, told.c.job_id == jobs.c.id)
        .where(
            jobs.c.state.in_(_FINAL),
            jobs.c.attempts > 0,
            ~jobs.c.account_due,
            or_(
                and_(known, jobs.c.energy_kwh.is_(None)),
                and_(~known, jobs.c.energy_kwh.is_not(None)),
                _differ(jobs.c.energy_kwh, told.c.energy_kwh),
            ),
        )
    )


def _differ(
    one: ColumnElement[float | None], other: ColumnElement[float | None]
) -> ColumnElement[bool]:
    size = func.abs(one) + func.abs(other)
    return func.abs(one - other) > TOLERANCE * (1 + size)

"""What the ledger's check found, in words, and what to do about it."""

from services.cli.broker_checks import SET_UP
from services.cli.findings import Finding, failed, of_error, ok, warning
from services.cli.words import counted
from shared.errors import LedgerUnreachable
from shared.ledger.checks import Answer, Question, check
from shared.ledger.schema import HEAD, open_engine

AFRESH = (
    "compute the tables afresh: `carbon-aware ledger export dump.jsonl.gz`, then "
    "`carbon-aware ledger rebuild dump.jsonl.gz --into NEW_URL`"
)
RESTORE = "restore a backup, or rebuild from a dump: `carbon-aware ledger rebuild FILE --into URL`"
WORDS: dict[Question, tuple[str, str, str]] = {
    Question.FILE: ("the database finds its file sound", "{} in the database's file", RESTORE),
    Question.JOBS_WITHOUT_EVENTS: (
        "every job has its events",
        "{} without any event: they cannot be audited nor rebuilt",
        "restore their events from a backup",
    ),
    Question.EVENTS_WITHOUT_JOB: ("every event has its job", "{} with events, yet no row", AFRESH),
    Question.DECISIONS_MISSING: ("every decision is there", "{} with decisions missing", AFRESH),
    Question.END_WITHOUT_TIME: ("every end has its time", "{} ended at no time", AFRESH),
    Question.ACCOUNTS_DUE: (
        "every account is settled",
        "{} to account for",
        "the ledger does it with its next batch: is it running? `carbon-aware doctor`",
    ),
    Question.ENERGY: (
        "every job's energy is the sum of its attempts'",
        "{} whose energy is not the sum of their attempts'",
        AFRESH,
    ),
    Question.AVOIDED: (
        "avoided is baseline less emissions everywhere",
        "{} whose avoided emissions are not baseline less emissions",
        AFRESH,
    ),
    Question.ATTEMPTS: (
        "no attempt is above its job's counter",
        "{} with attempts above their counter",
        AFRESH,
    ),
    Question.DEFERRALS: (
        "no deferral is above its job's counter",
        "{} with deferrals above their counter",
        AFRESH,
    ),
    Question.ROLLUPS: (
        "the daily roll-ups are the sums of their jobs",
        "{} that are not the sums of their jobs",
        AFRESH,
    ),
}
_NOUNS = {Question.FILE: "fault", Question.ROLLUPS: "roll-up"}


def check_ledger(url: str) -> list[Finding]:
    """Every finding about the ledger at an address.

    Raises:
        ConfigurationError: the address is none.
    """
    try:
        engine = open_engine(url)
    except LedgerUnreachable as error:
        return [of_error("tables", error, SET_UP)]
    try:
        tables = ok("tables", f"{engine.dialect.name}, tables of version {HEAD}")
        return [tables, *map(_finding, check(engine))]
    except LedgerUnreachable as error:
        return [of_error("tables", error, RESTORE)]
    finally:
        engine.dispose()


def _finding(answer: Answer) -> Finding:
    good, bad, fix = WORDS[answer.question]
    name = answer.question.value
    if answer.count == 0:
        return ok(name, good)
    noun = _NOUNS.get(answer.question, "job")
    detail = f"{bad.format(counted(answer.count, noun))} ({', '.join(answer.examples)})"
    if answer.question is Question.ACCOUNTS_DUE:
        return warning(name, detail, fix)
    return failed(name, detail, fix)

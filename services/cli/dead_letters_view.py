"""How kept messages are shown."""

from datetime import datetime
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.text import Text

from services.cli.dead_letters_acting import Box
from services.cli.output import as_json, print_columns, print_rows
from services.cli.palette import BAD
from services.cli.settings import Places
from services.cli.words import UNKNOWN, counted, duration, moment
from shared.broker.letters import Letter, job_id_of, json_body
from shared.broker.letters_sifting import Sifted
from shared.errors import LedgerUnreachable, NotFound
from shared.ledger.reads import AttemptRow, attempts
from shared.ledger.schema import open_engine

LONGEST_ID = 36
PROPERTIES = (
    "type",
    "message_id",
    "correlation_id",
    "reply_to",
    "timestamp",
    "content_type",
    "routing_key",
)


def letter_json(letter: Letter, now: datetime) -> dict[str, Any]:
    """A letter as `list --json` gives it."""
    return {
        "id": letter.id,
        "type": letter.type,
        "attempts": letter.attempts,
        "kept_at": letter.kept_at,
        "age_seconds": _age_seconds(letter, now),
        "error": letter.error,
        "body_bytes": letter.body_bytes,
    }


def print_letters(out: Console, result: Sifted, now: datetime) -> None:
    """One line a letter, newest first, below a line of headings."""
    if result.found:
        heading = ("ID", "AGE", "TYPE", "ATTEMPTS", "ERROR")
        rows = [_cells(letter, now) for letter in result.found]
        columns = list(zip(heading, *rows, strict=True))
        widths = [min(max(map(len, column)), LONGEST_ID) for column in columns[:-1]]
        for style, cells in (("dim", heading), *(("", row) for row in rows)):
            line = [(Text(cell, style), width) for cell, width in zip(cells, widths, strict=False)]
            print_columns(out, [(*line, (Text(cells[-1], style), None))])


def summary(box: Box, result: Sifted) -> str:
    """How many there are, and how many of them are shown."""
    shown = len(result.found)
    if shown == result.matched == result.total:
        return counted(shown, box.noun)
    if shown == result.matched:
        return f"{shown} of {counted(result.total, box.noun)}"
    return f"the newest {shown} of {result.matched} that match, {result.total} in all"


def message_json(
    letter: Letter,
    message: AbstractIncomingMessage,
    history: list[AttemptRow] | None,
    now: datetime,
) -> dict[str, Any]:
    """A letter with everything that is known of it."""
    return letter_json(letter, now) | {
        "properties": _properties(message),
        "headers": _plain(dict(message.headers)),
        "body": json_body(message.body),
        "history": history,
    }


def print_message(
    out: Console,
    letter: Letter,
    message: AbstractIncomingMessage,
    history: list[AttemptRow] | None,
    now: datetime,
) -> None:
    """A letter with everything that is known of it, and its history where the ledger has one."""
    rows: list[tuple[str, str | Text]] = [("Message", letter.id), ("Type", letter.type or UNKNOWN)]
    rows.append(("Kept", moment(letter.kept_at, now)))
    if letter.attempts is not None:
        rows.append(("Attempts", str(letter.attempts)))
    rows.append(("Error", Text(letter.error, BAD)))
    rows += [(name, str(value)) for name, value in _properties(message).items()]
    rows += [
        (f"header {name}", str(value)) for name, value in _plain(dict(message.headers)).items()
    ]
    rows.append(("Body", as_json(json_body(message.body), indent=2)))
    print_rows(out, rows)
    if history is None:
        return
    for row in history:
        seconds = (row.finished_at - row.started_at).total_seconds() if row.finished_at else None
        ran = f"after {duration(max(0.0, seconds))}" if seconds is not None else "unfinished"
        piece = f", piece {row.piece}" if row.piece > 1 else ""
        out.print(
            Text(f"\nAttempt {row.attempt}{piece} in {row.region} {moment(row.started_at, now)}: "),
            Text(f"{row.outcome or UNKNOWN} {ran}: {row.error or row.reason or ''}"),
            sep="",
            soft_wrap=True,
        )
        if row.traceback:
            out.print(Text(row.traceback.rstrip()), soft_wrap=True)


def read_history(places: Places, letter: Letter) -> list[AttemptRow] | None:
    """Every attempt at the job of a letter; None where the ledger is away or knows it not."""
    job_id = job_id_of(letter)
    if job_id is None:
        return None
    try:
        engine = open_engine(places.ledger_url)
    except LedgerUnreachable:
        return None
    try:
        return attempts(engine, job_id)
    except (LedgerUnreachable, NotFound):
        return None
    finally:
        engine.dispose()


def _cells(letter: Letter, now: datetime) -> tuple[str, str, str, str, str]:
    age = _age_seconds(letter, now)
    return (
        letter.id,
        UNKNOWN if age is None else duration(age),
        letter.type or UNKNOWN,
        "" if letter.attempts is None else str(letter.attempts),
        " ".join(letter.error.split()),
    )


def _age_seconds(letter: Letter, now: datetime) -> float | None:
    return None if letter.kept_at is None else max(0.0, (now - letter.kept_at).total_seconds())


def _properties(message: AbstractIncomingMessage) -> dict[str, Any]:
    found = {name: getattr(message, name) for name in PROPERTIES}
    return {name: value for name, value in found.items() if value not in {None, ""}}


def _plain(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers as JSON can hold them; bytes are shown escaped."""
    plain: dict[str, Any] = to_jsonable_python(headers, bytes_mode="base64", serialize_unknown=True)
    return plain

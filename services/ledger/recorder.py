"""Writes batches of events, and finds the one that spoils a batch."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from shared.errors import LedgerUnreachable, Undecodable
from shared.ledger.schema import unreachable, writing
from shared.ledger.writes import Told, record_told, tell
from shared.messages import decode_event

log = structlog.get_logger()

_ZERO_DIGITS = rb"\u0000"
_ZERO = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The escape of a zero character in JSON, after whole escapes of backslashes alone."""
_REPLACEMENT = rb"\ufffd"

PROGRAM_LIMIT = "54"


@dataclass(frozen=True, slots=True)
class Poison:
    """An event that can never be written: its place in the batch, and why."""

    place: int
    reason: str


class Recorder:
    """Writes events into the database; blocks, so services call it in a thread.

    Attributes:
        too_late: events so far whose jobs had been pruned; they change nothing.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] | None = None) -> None:
        """Write through `engine`.

        Args:
            engine: the ledger's.
            clock: dates the revisions of accounts; None takes the time of the latest event.
        """
        self._engine = engine
        self._clock = clock
        self.too_late = 0

    def write(self, bodies: Sequence[bytes]) -> list[Poison]:
        """Commit a batch in one transaction; returns what has to be set aside.

        Raises:
            LedgerUnreachable: the database takes nothing now; the batch is to be tried again.
        """
        told, poison = _decode(bodies)
        try:
            self._commit(list(told.values()))
        except LedgerUnreachable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event did must not stop the others
            log.warning("a batch was refused, writing it event by event", error=_in_a_line(error))
            poison += self._one_by_one(told)
        return poison

    def _one_by_one(self, every: Mapping[int, Told]) -> list[Poison]:
        poison = []
        for place, told in every.items():
            try:
                self._commit([told])
            except LedgerUnreachable:
                raise
            except Exception as error:  # noqa: BLE001 - this event is the one; its reason is kept
                poison.append(Poison(place, f"it cannot be recorded: {_in_a_line(error)}"))
        return poison

    def _commit(self, told: Sequence[Told]) -> None:
        if not told:
            return
        try:
            with writing(self._engine) as connection:
                now = self._clock() if self._clock else None
                too_late = record_told(connection, told, now)
            self.too_late += too_late
        except (OperationalError, InterfaceError) as error:
            if _past_a_limit(error):
                raise
            raise unreachable(error) from error
        except DatabaseError as error:
            # Its subclasses speak of the data; the class itself of the file: not a database, torn.
            if type(error) is DatabaseError or error.connection_invalidated:
                raise unreachable(error) from error
            raise


def _past_a_limit(error: DatabaseError | InterfaceError) -> bool:
    """Whether PostgreSQL calls what was to be written too large, which no waiting mends.

    To its driver that is the same kind of error as a lost connection; the SQLSTATE tells them
    apart (class 54, program limit exceeded).
    """
    return str(getattr(error.orig, "sqlstate", None)).startswith(PROGRAM_LIMIT)


def _decode(bodies: Sequence[bytes]) -> tuple[dict[int, Told], list[Poison]]:
    told: dict[int, Told] = {}
    poison: list[Poison] = []
    for place, body in enumerate(bodies):
        try:
            told[place] = tell(decode_event(_storable(body)))
        except Undecodable as error:
            poison.append(Poison(place, str(error)))
        except Exception as error:  # noqa: BLE001 - a single event must never stop the ledger
            poison.append(Poison(place, f"it cannot be told: {_in_a_line(error)}"))
    return told, poison


def _storable(body: bytes) -> bytes:
    """With the sign for what cannot be shown for zero characters, which PostgreSQL cannot store."""
    if _ZERO_DIGITS not in body:
        return body
    return _ZERO.sub(lambda found: found[1] + _REPLACEMENT, body)


def _in_a_line(error: Exception) -> str:
    said = getattr(error, "orig", None) or error
    return (" ".join(str(said).split()) or type(error).__name__)[:500]

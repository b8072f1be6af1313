"""How ids, ranks and words are stored: small, and sorted as their texts are.

What a ledger costs on disk is mostly ids, ranks and words that repeat in every row. Each type here
takes and gives the same plain value in every database, so that no reader knows of the encoding.

Each gives its `bind_processor` itself: SQLAlchemy's own, made of `process_bind_param`, asks two
functions more for every value, and a batch has some ten thousand of them.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, LargeBinary, Text, TypeDecorator, Uuid
from sqlalchemy.types import TypeEngine

_ODD, _EVEN = "1", "00"
WORDS = {
    # states and outcomes
    "submitted": "b",
    "deferred": "d",
    "ready": "r",
    "running": "n",
    "retrying": "t",
    "paused": "p",
    "succeeded": "s",
    "dead": "x",
    "cancelled": "c",
    "expired": "e",
    "failed": "f",
    # priorities and bands
    "low": "L",
    "normal": "N",
    "high": "H",
    "critical": "C",
    "very_low": "V",
    "medium": "M",
    "very_high": "W",
    # lanes
    "urgent": "U",
    "background": "B",
    # signals, and how a figure was known
    "marginal": "m",
    "average": "a",
    "measured": "1",
    "modelled": "2",
    "declared": "3",
    "observed": "4",
    "forecast": "5",
    "carried": "6",
    # what decided, and how fresh the grid was that it saw
    "released": "l",
    "deadline_passed": "0",
    "latest_start": "7",
    "grid_unknown": "8",
    "in_band": "9",
    "nothing_cleaner": "g",
    "cleaner_later": "h",
    "out_of_band": "i",
    "pools_full": "j",
    "asked": "o",
    "live": "q",
    "forecaster": "u",
    "unknown": "v",
    # events
    "job.accepted.v1": "A",
    "job.deferred.v1": "D",
    "job.released.v1": "R",
    "job.started.v1": "S",
    "job.succeeded.v1": "Y",
    "job.failed.v1": "F",
    "job.retried.v1": "T",
    "job.paused.v1": "P",
}
"""The one letter that each frequent word is stored as; never change one, only add."""
_SPOKEN = {letter: word for word, letter in WORDS.items()}


class Identifier(TypeDecorator[UUID]):
    """A UUID in 16 bytes: a blob in SQLite, whose order is that of its hex digits."""

    impl = Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[UUID] | TypeEngine[bytes]:
        """PostgreSQL has a type of its own."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid())
        return dialect.type_descriptor(LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> object:
        """Store."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.bytes

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Store; PostgreSQL's driver takes a UUID."""
        return None if dialect.name == "postgresql" else _bytes_of

    def process_result_value(self, value: object, dialect: Dialect) -> UUID | None:
        """Read."""
        del dialect
        return UUID(bytes=value) if isinstance(value, bytes) else value  # type: ignore[return-value]  # the driver's own UUID, or None


class Rank(TypeDecorator[str]):
    """A rank, which is text of hex digits, in half as many bytes and of the same order."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Store."""
        del dialect
        return None if value is None else pack_rank(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Store."""
        del dialect
        return _packed

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Read."""
        del dialect
        return None if value is None else unpack_rank(value)


class Word(TypeDecorator[str]):
    """One of a few words, as one letter; a word that has no letter is stored whole."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Store.

        Raises:
            ValueError: it is a letter of its own.
        """
        del dialect
        return letter_of(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Store."""
        del dialect
        return letter_of

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read."""
        del dialect
        return None if value is None else _SPOKEN.get(value, value)


def letter_of(word: str | None) -> str | None:
    """What is stored for a word.

    Raises:
        ValueError: it is a letter of its own.
    """
    if word in WORDS:
        return WORDS[word]
    if word in _SPOKEN:
        raise ValueError(f"{word!r} stands for {_SPOKEN[word]!r} and can be no word itself")
    return word


def pack_rank(text: str) -> bytes:
    """Two digits to a byte; the end says whether there was an odd one."""
    return bytes.fromhex(text + (_ODD if len(text) % 2 else _EVEN))


def unpack_rank(stored: bytes) -> str:
    """The text that was packed."""
    text = stored.hex()
    return text[:-1] if text[-1] == _ODD else text[:-2]


def _packed(text: str | None) -> bytes | None:
    return None if text is None else pack_rank(text)


def _bytes_of(identifier: UUID | None) -> bytes | None:
    return None if identifier is None else identifier.bytes

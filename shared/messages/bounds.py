"""What instants and names of events must keep to, so that no calendar and no index breaks.

The types are for the fields of messages; `possible` is for the domain's own objects in them, which
know nothing of the wire.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, Field, ValidationInfo

BEGIN, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)
"""A century beyond what the door takes for a deadline, on either side: a latest start lies before
its job's deadline, and a replayed job's new deadline after the one that it had."""

Instant = Annotated[AwareDatetime, Field(ge=BEGIN, lt=END)]
"""A point in time that every calendar and every time zone can hold."""

LONGEST_NAME = 200
"""Characters. PostgreSQL's index takes rows of 2,704 bytes, and some have two names; a character
is up to four bytes."""
Label = Annotated[str, Field(max_length=LONGEST_NAME)]
"""What something is called, and looked up by: a region, a source, a pool, a process."""

T = TypeVar("T")
Check = Callable[[Any], str | None]


def possible(value: T, info: ValidationInfo) -> T:
    """A domain object, all of whose fields keep to the bounds.

    It is checked where it is read from JSON. What a service puts into a message of its own was
    checked when that came, and no job waits because the telling of it failed.

    Args:
        value: an instance of a dataclass, or None.
        info: whether it is read from JSON.

    Raises:
        ValueError: a field does not; the line names it and says what to use.
    """
    if info.mode != "json":
        return value
    kind: type = type(value)
    for name, check in _checks(kind):
        wrong = check(getattr(value, name))
        if wrong is not None:
            raise ValueError(f"{name}: {wrong}")
    return value


@lru_cache(maxsize=32)
def _checks(kind: type) -> tuple[tuple[str, Check], ...]:
    """How to check each field of a class; the looking up costs more than the checks."""
    if kind is type(None):
        return ()
    return tuple((field.name, _check_any) for field in fields(kind))


def _check_any(value: object) -> str | None:
    """What is wrong with a value whose name says nothing of it."""
    if isinstance(value, datetime):
        return _check_instant(value)
    texts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(text, str) and len(text) > LONGEST_NAME for text in texts):
        return f"use at most {LONGEST_NAME} characters"
    return None


def _check_instant(at: datetime) -> str | None:
    if at.tzinfo is None:
        return "give it a time zone"
    return None if BEGIN <= at < END else f"use a date from {BEGIN.year} to {END.year - 1}"

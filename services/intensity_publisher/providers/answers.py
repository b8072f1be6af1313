"""Answers of any source, read with care: only our own error comes out of a bad one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
)

from shared.errors import SourceUnreachable
from shared.messages import explain

HIGHEST_AVERAGE_G_PER_KWH = 2000.0  # above any power plant, life cycle included
STALE_PERIODS = 3
LONGEST_TEXT = 300


class Lenient(BaseModel):
    """A shape whose unknown keys are of no interest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


A = TypeVar("A", bound=Lenient)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant outside the calendar") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time with its zone, kept in UTC."""


def or_default(default: object) -> BeforeValidator:
    """Let null mean the same as a missing key."""
    return BeforeValidator(lambda value: default if value is None else value)


def read(shape: type[A], text: str, what: str) -> A:
    """An answer's text in a shape.

    Raises:
        SourceUnreachable: it has another one; the line begins with `what`.
    """
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        raise SourceUnreachable(
            f"{what} answer makes no sense: {one_line(explain(error))}"
        ) from error


def error_text(text: str) -> str:
    """What an error answer says: JSON's message, msg, error or detail, else the text itself."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = None
    return _told(raw) or one_line(text) or "no text"


def one_line(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """A value as a short text that any log and any database can hold."""
    words = " ".join(str(value).split())[:LONGEST_TEXT]
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def stale_warnings(
    what: str, at: datetime | None, period_seconds: float, now: datetime
) -> tuple[str, ...]:
    """A warning where something was made more than three periods before now."""
    if at is None or now - at <= timedelta(seconds=STALE_PERIODS * period_seconds):
        return ()
    minutes = (now - at).total_seconds() / 60
    return (f"{what} is of {at:%d %b %H:%M} UTC, {minutes:.0f} minutes ago",)


def spacing(times: Sequence[datetime], default_seconds: float) -> float:
    """The shortest distance of two points, which is their period; the default below two."""
    ordered = sorted(set(times))
    steps = [(b - a).total_seconds() for a, b in pairwise(ordered)]
    return max(min(steps, default=default_seconds), 1.0)


def _told(raw: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(raw, dict):
        return ""
    for key in ("message", "msg", "error", "detail"):
        value = raw.get(key)
        # One API wraps its code and message in an object under `error`.
        if isinstance(value, dict) and (inner := value.get("message")):
            return one_line(inner)
        if value:
            return one_line(value)
    return ""

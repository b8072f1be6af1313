"""What all messages share, and the line that explains a wrong one."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.messages.bounds import Instant


class Message(BaseModel):
    """Anything on the wire; JSON knows no number that is infinite or none."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Event(Message):
    """Something that happened; the ledger counts each id once."""

    id: UUID
    at: Instant


def explain(error: ValidationError, *, known: Iterable[str] = ()) -> str:
    """One line for a validation error: each field with what is wrong and what was given.

    Args:
        error: what pydantic found.
        known: field names to offer where an unknown one was given.
    """
    hint = f"; known are {', '.join(known)}" if known else ""
    details = error.errors(include_url=False)
    return "; ".join(_explain_one(dict(detail), hint) for detail in details)


def _explain_one(detail: dict[str, Any], hint: str) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{field}: unknown field{hint}"
    if detail["type"] == "missing":
        return f"{field}: required"
    text = " ".join(str(detail["msg"]).removeprefix("Value error, ").split())
    text = text[0].lower() + text[1:]
    given = detail.get("input")
    shown = f" (given {str(given)[:60]!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{field}: {text}{shown}" if field else text

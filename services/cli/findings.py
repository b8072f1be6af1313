"""What an examination finds, and what helps."""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination; `fix` is what to do about it."""

    name: str
    mark: Mark
    detail: str
    fix: str | None = None


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, Mark.OK, detail)


def warning(name: str, detail: str, fix: str) -> Finding:
    """It works, but not as it should."""
    return Finding(name, Mark.WARNING, detail, fix)


def failed(name: str, detail: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(name, Mark.FAILED, detail, fix)


def of_error(name: str, error: Exception, fix: str) -> Finding:
    """A failure in the words of its error; what that says to do wins."""
    cause, separator, said = str(error).rpartition("; ")
    return failed(name, cause, said) if separator else failed(name, str(error), fix)

"""The files of `simulate`; whatever is wrong becomes one line with file, line and column."""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from shared.domain.bands import KNOWN_BANDS, Band
from shared.domain.jobs import Priority
from shared.domain.replay import USUAL_POWER_WATTS, JobRow
from shared.domain.windows import Series
from shared.errors import CarbonAwareError

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)

TIME, INTENSITY = "time", "intensity_g_per_kwh"
GENERATED_AT, POINT_TIME = "generated_at", "point_time"
JOB_ID, SUBMITTED_AT, DURATION, DEADLINE = "job_id", "submitted_at", "duration_seconds", "deadline"
POWER, PRIORITY, MAX_BAND, INTERRUPTIBLE = "power_watts", "priority", "max_band", "interruptible"
YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
ONE_POINT_SECONDS = 300.0
TOLERANCE_SECONDS = 1e-3
LONGEST_SECONDS = 366 * 86_400.0
"""No longer job can be submitted."""


class BadInput(CarbonAwareError):
    """A file cannot be used as it is."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV."""

    path: Path
    line: int
    cells: dict[str, str]

    def get(self, column: str, read: Callable[[str], Value]) -> Value:
        """A cell that has to be there."""
        text = self.cells.get(column, "")
        try:
            return read(text)
        except (ValueError, OverflowError) as error:
            said = str(error)
            raise self.wrong(column, f"must be {said} (given {text!r})") from None

    def find(self, column: str, read: Callable[[str], Value], missing: Value) -> Value:
        """A cell that may be empty, or whose column may be absent."""
        return self.get(column, read) if self.cells.get(column) else missing

    def wrong(self, column: str, what: str) -> BadInput:
        """An error that says where."""
        return BadInput(f"{self.path}, line {self.line}, column {column}: {what}")


def read_trace(path: Path) -> Series:
    """The recorded intensities, evenly spaced."""
    rows = list(_rows(path, (TIME, INTENSITY)))
    if not rows:
        raise BadInput(f"{path}: there is no line below the header")
    at_s = [row.get(TIME, _instant_s) for row in rows]
    values = [row.get(INTENSITY, _intensity) for row in rows]
    return Series(at_s[0], _spacing(rows, at_s, TIME, ONE_POINT_SECONDS), values)


def read_jobs(path: Path, series: Series) -> list[JobRow]:
    """The log of jobs, all of them submitted within the trace."""
    jobs: list[JobRow] = []
    seen: set[str] = set()
    for row in _rows(path, (JOB_ID, SUBMITTED_AT, DURATION, DEADLINE)):
        name = row.cells[JOB_ID]
        if not name or name in seen:
            raise row.wrong(JOB_ID, "every job needs an id of its own")
        seen.add(name)
        job = _job(row)
        if not series.start_s <= job.submitted_s < series.end_s:
            raise row.wrong(SUBMITTED_AT, "the trace has no intensity for this time")
        if job.deadline_s < job.submitted_s:
            raise row.wrong(DEADLINE, "must not be before submitted_at")
        jobs.append(job)
    if not jobs:
        raise BadInput(f"{path}: there is no line below the header")
    return jobs


def read_forecasts(path: Path, period_s: float) -> dict[float, Series]:
    """Forecasts by the instant of their issue; each evenly spaced."""
    issues: dict[float, list[Row]] = {}
    for row in _rows(path, (GENERATED_AT, POINT_TIME, INTENSITY)):
        issues.setdefault(row.get(GENERATED_AT, _instant_s), []).append(row)
    if not issues:
        raise BadInput(f"{path}: there is no line below the header")
    return {at_s: _issue(rows, period_s) for at_s, rows in issues.items()}


def _issue(rows: list[Row], period_s: float) -> Series:
    points = sorted((row.get(POINT_TIME, _instant_s), row.line, row) for row in rows)
    at_s, ordered = [point[0] for point in points], [point[2] for point in points]
    values = [row.get(INTENSITY, _intensity) for row in ordered]
    return Series(at_s[0], _spacing(ordered, at_s, POINT_TIME, period_s), values)


def _job(row: Row) -> JobRow:
    return JobRow(
        submitted_s=row.get(SUBMITTED_AT, _instant_s),
        duration_s=row.get(DURATION, _seconds),
        deadline_s=row.get(DEADLINE, _instant_s),
        power_watts=row.find(POWER, _power, USUAL_POWER_WATTS),
        priority=row.find(PRIORITY, _one_of(list(Priority)), Priority.NORMAL),
        max_band=row.find(MAX_BAND, _band, None),
        interruptible=row.find(INTERRUPTIBLE, _yes_or_no, False),
    )


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(f"{path}, line 1: there is no column {', '.join(missing)}")
            for cells in reader:
                known = {name: (cell or "").strip() for name, cell in cells.items() if name}
                yield Row(path, reader.line_num, known)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise BadInput(f"{path} is no CSV in UTF-8: {error}") from error


def _spacing(rows: Sequence[Row], at_s: Sequence[float], column: str, alone_s: float) -> float:
    """The distance of the points, which has to be the same everywhere."""
    step_s = at_s[1] - at_s[0] if len(at_s) > 1 else alone_s
    for row, earlier_s, later_s in zip(rows[1:], at_s, at_s[1:], strict=False):
        if step_s <= 0 or abs(later_s - earlier_s - step_s) > TOLERANCE_SECONDS:
            raise row.wrong(column, "points must be in order and evenly spaced")
    return step_s


def _instant_s(text: str) -> float:
    what = "a time with a zone, such as 2022-01-01T00:00:00Z"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(what) from None
    if at.tzinfo is None:
        raise ValueError(what)
    return at.astimezone(UTC).timestamp()


def _number(text: str, lowest: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(what) from None
    if not lowest <= value < math.inf:
        raise ValueError(what)
    return value


def _intensity(text: str) -> float:
    return _number(text, 0.0, "a number of g/kWh, 0 or more")


def _power(text: str) -> float:
    return _number(text, 0.0, "a number of watts, 0 or more")


def _seconds(text: str) -> float:
    what = f"a number of seconds above 0, {LONGEST_SECONDS:,.0f} (366 days) at most"
    if (seconds := _number(text, TOLERANCE_SECONDS, what)) > LONGEST_SECONDS:
        raise ValueError(what)
    return seconds


def _one_of(choices: Sequence[Choice]) -> Callable[[str], Choice]:
    def read(text: str) -> Choice:
        for choice in choices:
            if choice.value == text.lower():
                return choice
        raise ValueError("one of " + ", ".join(choices))

    return read


def _band(text: str) -> Band | None:
    return _one_of(KNOWN_BANDS)(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in YES | NO:
        raise ValueError("true or false")
    return text.lower() in YES

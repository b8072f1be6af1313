"""What the page Jobs shows."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import Enum
from io import StringIO

from sqlalchemy import Engine

from dashboard.data.source import Known, kept, known, ledger
from shared.domain.jobs import Priority, State
from shared.ledger.reads.pages import (
    JobFilter,
    JobLine,
    JobPage,
    Mark,
    all_job_lines,
    job_lines,
    job_types,
)
from shared.runtime import system_clock

LINES_SHOWN = 50
MOST_LINES = 100_000
"""Lines of a file that can be downloaded."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the viewer chose; empty leaves none out.

    Attributes:
        period: how far back; None for all.
    """

    states: tuple[State, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[Priority, ...] = ()
    regions: tuple[str, ...] = ()
    text: str = ""
    period: timedelta | None = None

    def wanted(self, now: datetime) -> JobFilter:
        """The same as a filter of the ledger."""
        since = None if self.period is None else now - self.period
        return JobFilter(self.states, self.types, self.priorities, self.regions, self.text, since)

    @property
    def leaves_out(self) -> bool:
        """Whether it leaves any job out."""
        return self != Choice()


def page(url: str, choice: Choice, before: Mark | None, after: Mark | None) -> Known[JobPage]:
    """One page of the table."""
    return known("jobs", _page, url, choice, before, after)


def types(url: str) -> list[str]:
    """The types of recent jobs, none where the ledger cannot be read."""
    return known("types", _types, url).value or []


def as_csv(engine: Engine, choice: Choice) -> bytes:
    """What is filtered, not only the page that is shown, newest first; UTC.

    Raises:
        LedgerUnreachable: the ledger does not answer.
    """
    return _csv(all_job_lines(engine, choice.wanted(system_clock()), limit=MOST_LINES))


@kept(2, entries=200)
def _page(url: str, choice: Choice, before: Mark | None, after: Mark | None) -> JobPage:
    wanted = choice.wanted(system_clock())
    return job_lines(ledger(url), wanted, limit=LINES_SHOWN, before=before, after=after)


@kept(30)
def _types(url: str) -> list[str]:
    return job_types(ledger(url), system_clock() - 30 * DAY)


def _csv(lines: Iterable[JobLine]) -> bytes:
    text = StringIO(newline="")
    rows = csv.DictWriter(text, [field.name for field in fields(JobLine)])
    rows.writeheader()
    for line in lines:
        rows.writerow({name: _cell(value) for name, value in asdict(line).items()})
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value

"""What has been asked for and still holds: the control messages, folded in their order."""

from collections import OrderedDict
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.domain.jobs import Job
from shared.messages.control import (
    AnyControl,
    CancelJob,
    Control,
    PauseWork,
    ResumeWork,
    RunJobNow,
    SetEco,
)

MOST_CANCELLATIONS = 50_000
MOST_WANTED_NOW = 10_000
MOST_PAUSES = 1_000

Scope = tuple[str | None, str | None]
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Standing:
    """Cancellations, jobs to run now, pauses and the eco mode in force.

    Its memory is bounded: past the bounds the oldest of each kind is forgotten.
    """

    def __init__(self) -> None:
        """Start with nothing asked for."""
        self._cancelled: OrderedDict[UUID, CancelJob] = OrderedDict()
        self._wanted_now: OrderedDict[UUID, RunJobNow] = OrderedDict()
        self._pauses: OrderedDict[Scope, PauseWork] = OrderedDict()
        self._eco: SetEco | None = None

    def take(self, asked: AnyControl) -> None:
        """Fold the next message in; one that was folded in before changes nothing."""
        if isinstance(asked, CancelJob):
            self._cancelled.setdefault(asked.job_id, asked)
            _keep(self._cancelled, MOST_CANCELLATIONS)
        elif isinstance(asked, RunJobNow):
            known = self._wanted_now.get(asked.job_id)
            if known is None or known.at < asked.at:
                self._wanted_now[asked.job_id] = asked
            _keep(self._wanted_now, MOST_WANTED_NOW)
        elif isinstance(asked, PauseWork):
            self._pauses.setdefault((asked.job_type, asked.region), asked)
            _keep(self._pauses, MOST_PAUSES)
        elif isinstance(asked, ResumeWork):
            self._resume((asked.job_type, asked.region))
        elif isinstance(asked, SetEco):
            self._eco = asked

    def cancelled(self, job_id: UUID) -> CancelJob | None:
        """Who called a job off, if anybody did."""
        return self._cancelled.get(job_id)

    def wanted_now(self, job: Job) -> RunJobNow | None:
        """Who asked last to run a job on any grid, if anybody did since its replay."""
        asked = self._wanted_now.get(job.id)
        return None if asked is None or job.was_replayed_after(asked.at) else asked

    def pause_of_type(self, job_type: str, region: str) -> PauseWork | None:
        """The pause that keeps a job type from starting in a region, if there is one."""
        return self._pauses.get((job_type, None)) or self._pauses.get((job_type, region))

    def pause_of_region(self, region: str) -> PauseWork | None:
        """The pause of everything in a region, if there is one."""
        return self._pauses.get((None, None)) or self._pauses.get((None, region))

    def pauses(self) -> tuple[PauseWork, ...]:
        """Every pause in force, oldest first."""
        return tuple(self._pauses.values())

    def eco_off(self, now: datetime) -> SetEco | None:
        """The order that capacity is not to follow the band, if one holds now."""
        if self._eco is None or self._eco.on:
            return None
        return None if self._eco.until is not None and self._eco.until <= now else self._eco

    def _resume(self, scope: Scope) -> None:
        if scope == (None, None):
            self._pauses.clear()
        self._pauses.pop(scope, None)


def asker(asked: Control) -> str:
    """Who asked, for the end of a sentence: ` by ana`; empty where nobody gave a name."""
    return f" by {asked.by}" if asked.by else ""


def scope_words(asked: Control) -> str:
    """What a control message reaches: `job type t in R`, `everything`, `job 3f2a...`."""
    if isinstance(asked, PauseWork | ResumeWork):
        what = f"job type {asked.job_type}" if asked.job_type else "everything"
        return f"{what} in {asked.region}" if asked.region else what
    if isinstance(asked, SetEco):
        until = f" until {asked.until.isoformat()}" if asked.until else ""
        return f"eco mode {'on' if asked.on else 'off'}{until}"
    return f"job {getattr(asked, 'job_id', '')}"


def _keep(entries: OrderedDict[Key, Kept], most: int) -> None:
    while len(entries) > most:
        entries.popitem(last=False)

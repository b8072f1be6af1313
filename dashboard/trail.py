"""How a job came to run when it did, step by step; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from dashboard import words
from dashboard.because import because, numbers
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import AccountRevision, AttemptRow, AuditRow, DecisionRow, JobStatus, Piece
from shared.report.revisions import revision_line

Tone = Literal["waiting", "running", "done", "failed", "asked"]
_DECIDED: dict[str, tuple[str, Tone]] = {
    "deferred": ("Deferred", "waiting"),
    "released": ("Released to run", "running"),
    "expired": ("Expired", "failed"),
}
_ENDED: dict[str, tuple[str, Tone]] = {
    "succeeded": ("Succeeded", "done"),
    "failed": ("Failed", "failed"),
    "paused": ("Paused", "waiting"),
    "cancelled": ("Cancelled", "failed"),
}
_ASKED = {
    "submit": "Asked to submit",
    "cancel": "Asked to cancel",
    "run_now": "Asked to run now",
    "replay": "Replayed",
}


@dataclass(frozen=True, slots=True)
class Trail:
    """All that the ledger knows of how a job came to run when it did."""

    job: JobStatus
    decisions: Sequence[DecisionRow]
    attempts: Sequence[AttemptRow]
    audit: Sequence[AuditRow]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened; its texts may hold what a user wrote.

    Attributes:
        text: one sentence.
        details: numbers, one line each.
    """

    at: datetime
    title: str
    tone: Tone
    text: str
    details: Sequence[str] = ()


def steps(trail: Trail, zone: tzinfo) -> list[Step]:
    """Everything in its order; decisions and runs by their counters, for clocks differ."""
    placed = [((row.attempts + 1, row.piece, 0), _decision(row, zone)) for row in trail.decisions]
    for row in trail.attempts:
        placed += [((row.attempt, row.piece, 1), step) for step in _run(row, trail.job)]
    found = [step for _, step in sorted(placed, key=lambda pair: pair[0])]
    for asked in trail.audit:
        later = (place for place, step in enumerate(found) if step.at > asked.at)
        found.insert(next(later, len(found)), _wish(asked))
    if trail.job.submitted_at is not None:
        found.insert(0, Step(trail.job.submitted_at, "Submitted", "asked", _terms(trail.job, zone)))
    return [*found, *_end(trail), *map(_revised, trail.job.account_revisions)]


def used(piece: Piece) -> str:
    """What a run used, and how that is known; why not, where it is not."""
    if piece.energy_kwh is None:
        return "energy unknown"
    method = f" ({piece.energy_method.value})" if piece.energy_method else ""
    return words.with_unit(words.energy(piece.energy_kwh)) + method


def _decision(row: DecisionRow, zone: tzinfo) -> Step:
    title, tone = _DECIDED[row.outcome]
    if row.outcome == "deferred" and row.planned_at is not None:
        title += f" to {words.moment(row.planned_at, row.at, zone)}"
    return Step(row.at, title, tone, because(row, zone), numbers(row, zone))


def _run(row: AttemptRow, job: JobStatus) -> Iterator[Step]:
    """The start of a piece, and its end where that is known."""
    many = len(job.pieces) > 1
    name = f"Attempt {row.attempt}" + (f", piece {row.piece}" if row.piece > 1 else "")
    where = f"on {row.pool}" if row.pool else "on a worker"
    text = f"{name} {where}" if many else f"O{where[1:]}"
    yield Step(row.started_at, "Started", "running", text)
    if row.finished_at is None or row.outcome is None:
        return
    seconds = (row.finished_at - row.started_at).total_seconds()
    title, tone = _ENDED[row.outcome]
    details = [] if row.error is None and row.reason is None else [row.error or row.reason or ""]
    if row.remaining_seconds is not None:
        details.append(f"{words.duration(row.remaining_seconds)} of work are left")
    text = f"After {words.duration(seconds)}, {used(row)}"
    yield Step(row.finished_at, title, tone, text, details)


def _wish(asked: AuditRow) -> Step:
    title = _ASKED.get(asked.action, asked.action.replace("_", " ").capitalize())
    by = f"By {asked.by}" if asked.by else "Nobody said who asked"
    scope = asked.scope.removeprefix(f"job {asked.job_id}").removeprefix(": ")
    return Step(asked.at, title, "asked", by, [scope] if scope else [])


def _terms(job: JobStatus, zone: tzinfo) -> str:
    parts = []
    if job.priority is not None:
        parts.append(f"{job.priority.value.capitalize()} priority")
    if job.max_band is not None:
        parts.append(f"runs at most in the {job.max_band.words} band")
    if job.deadline is not None and job.submitted_at is not None:
        parts.append(f"to be done by {words.moment(job.deadline, job.submitted_at, zone)}")
    return ", ".join(parts) or "Its submission has not been recorded yet"


def _revised(revision: AccountRevision) -> Step:
    line = revision_line(revision)
    return Step(revision.at, "Account revised", "asked", line[0].upper() + line[1:])


def _end(trail: Trail) -> Iterator[Step]:
    """The job's last state, where no step says it already."""
    job = trail.job
    told = {row.outcome for row in trail.attempts} | {row.outcome for row in trail.decisions}
    if job.state not in FINAL_STATES or job.finished_at is None or job.state.value in told:
        return
    if job.state is State.CANCELLED:
        by = f"By {job.cancelled_by}" if job.cancelled_by else "Nobody said by whom"
        yield Step(
            job.finished_at,
            "Cancelled",
            "failed",
            by,
            [job.cancel_reason] if job.cancel_reason else [],
        )
    elif job.state is State.DEAD:
        yield Step(
            job.finished_at,
            "Failed for good",
            "failed",
            f"After {words.count(job.attempts, 'attempt')}; it is kept and can be replayed",
        )
    else:
        yield Step(job.finished_at, job.state.value.capitalize(), "failed", job.error or "")

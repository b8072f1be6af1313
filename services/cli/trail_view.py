"""Why a job runs when it does, as `why ID` prints it: decisions, attempts, and people's wishes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.text import Text

from services.cli.job_view import cancellation, run_words, saved_line
from services.cli.output import print_columns, print_rows
from services.cli.palette import STATE_STYLES, WARNING, band_badge, state_word
from services.cli.words import UNKNOWN, clock, counted, duration, grams, intensity
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import AttemptRow, AuditRow, DecisionRow, JobStatus
from shared.report.revisions import revision_line

_DECISION_STYLES = {
    "deferred": STATE_STYLES[State.DEFERRED],
    "released": STATE_STYLES[State.READY],
    "expired": STATE_STYLES[State.EXPIRED],
}
_ENDING_STYLES = {
    "succeeded": STATE_STYLES[State.SUCCEEDED],
    "failed": WARNING,
    "paused": STATE_STYLES[State.DEFERRED],
    "cancelled": STATE_STYLES[State.CANCELLED],
}
_ASKED = {"run_now": "run now", "replay": "replayed"}


@dataclass(frozen=True, slots=True)
class Trail:
    """All that the ledger knows of how a job came to run when it did."""

    job: JobStatus
    decisions: Sequence[DecisionRow]
    attempts: Sequence[AttemptRow]
    audit: Sequence[AuditRow]


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that happened; further lines go below its text."""

    at: datetime
    word: Text
    lines: Sequence[Text]


def print_trail(out: Console, trail: Trail, now: datetime) -> None:
    """Each step with its reason and its numbers, then what came of it all."""
    job = trail.job
    out.print(Text.assemble((str(job.id), "bold"), f"  {job.type or ''}"), soft_wrap=True)
    if job.submitted_at:
        _print(out, _Step(job.submitted_at, Text("submitted"), [_wish(job)]), now)
    steps = _steps(trail, now)
    for step in steps:
        _print(out, step, now)
    if not steps and not job.finished_at:
        print_columns(out, [_columns("", Text("waiting"), Text("no decision is recorded yet"))])
    if job.finished_at and not _end_is_told(trail):
        text = cancellation(job) if job.state is State.CANCELLED else job.error or ""
        _print(out, _Step(job.finished_at, state_word(job.state), [Text(text)]), now)
    for revision in job.account_revisions:
        changed = [Text(revision_line(revision))]
        _print(out, _Step(revision.at, Text("revised", WARNING), changed), now)
    print_rows(out, [("Saved", saved_line(job))])


def _steps(trail: Trail, now: datetime) -> list[_Step]:
    """Decisions and runs by their counters, for clocks differ; wishes in between by their time."""
    placed = [((row.attempts + 1, row.piece, 0), _decision(row, now)) for row in trail.decisions]
    first = min(((row.attempt, row.piece) for row in trail.attempts), default=None)
    for row in trail.attempts:
        waited = trail.job.wait_seconds if (row.attempt, row.piece) == first else None
        placed += [((row.attempt, row.piece, 1), step) for step in _run(row, waited, trail.job)]
    steps = [step for _, step in sorted(placed, key=lambda pair: pair[0])]
    for asked in trail.audit:
        later = (place for place, step in enumerate(steps) if step.at > asked.at)
        steps.insert(next(later, len(steps)), _wished(asked))
    return steps


def _decision(row: DecisionRow, now: datetime) -> _Step:
    word = Text(row.outcome, _DECISION_STYLES[row.outcome])
    return _Step(row.at, word, [Text(row.reason), *_numbers(row, now)])


def _run(row: AttemptRow, waited_seconds: float | None, job: JobStatus) -> Iterator[_Step]:
    """The start of a piece, and its end if that is known."""
    names = [f"attempt {row.attempt}"] if row.attempt > 1 or row.piece > 1 else []
    names += [f"piece {row.piece}"] if row.piece > 1 else []
    begun = Text(", ".join([*names, f"on {row.pool}" if row.pool else "somewhere"]))
    if waited_seconds is not None:
        begun.append(f", after {duration(waited_seconds)}")
    yield _Step(row.started_at, Text("started", STATE_STYLES[State.RUNNING]), [begun])
    if row.finished_at is not None and row.outcome is not None:
        rest = row.remaining_seconds
        left = f", {duration(rest)} left" if rest is not None else ""
        asked = cancellation(job) if row.outcome == "cancelled" else None
        why = row.error or asked or row.reason
        text = f"after {run_words(row)}{left}" + (f": {why}" if why else "")
        yield _Step(row.finished_at, Text(row.outcome, _ENDING_STYLES[row.outcome]), [Text(text)])


def _wished(asked: AuditRow) -> _Step:
    who = f"asked by {asked.by}" if asked.by else "nobody said who asked"
    where = asked.scope.removeprefix(f"job {asked.job_id}").removeprefix(": ")
    word = Text(_ASKED.get(asked.action, asked.action), "bold")
    return _Step(asked.at, word, [Text(f"{who} ({where})" if where else who)])


def _end_is_told(trail: Trail) -> bool:
    """Whether a step says already what the job's last state is."""
    state = trail.job.state
    if state not in FINAL_STATES:
        return True
    told = {row.outcome for row in trail.attempts} | {row.outcome for row in trail.decisions}
    return state.value in told


def _print(out: Console, step: _Step, now: datetime) -> None:
    first, *others = step.lines
    print_columns(out, [_columns(clock(step.at, now), step.word, first)])
    print_columns(out, [_columns("", Text(), line) for line in others])


def _columns(at: str, word: Text, text: Text) -> tuple[tuple[str | Text, int | None], ...]:
    return (Text(at, "dim"), 12 if len(at) <= 12 else 19), (word, 9), (text, None)


def _wish(job: JobStatus) -> Text:
    band = job.max_band.words if job.max_band else UNKNOWN
    deadline = job.deadline.isoformat(timespec="seconds") if job.deadline else UNKNOWN
    priority = job.priority.value if job.priority else UNKNOWN
    return Text(f"{priority} priority, at most {band}, finish by {deadline}".replace("+00:00", "Z"))


def _numbers(row: DecisionRow, now: datetime) -> list[Text]:
    seen = Text(f"{row.region} {intensity(row.intensity_g_per_kwh, row.index_percent)} ")
    seen.append_text(band_badge(row.band)).append(f" {row.freshness.value}")
    if row.forecast_age_seconds is not None:
        seen.append(f", forecast {duration(max(0.0, row.forecast_age_seconds))} old")
    if row.attempts:
        seen.append(f", after {counted(row.attempts, 'failed attempt')}")
    plan = [f"latest start {clock(row.latest_start, now)}"]
    if row.planned_at is not None:
        plan.insert(0, f"planned {clock(row.planned_at, now)}")
    if row.expected_g_per_kwh is not None and row.planned_at is not None:
        plan.append(f"{_rounded(row.window_g_per_kwh)} if run at once")
        plan.append(f"{row.expected_g_per_kwh:.0f} g/kWh expected there")
    if row.expected_saving_g:
        plan.append(f"expected saving {grams(row.expected_saving_g, signed=True)}")
    return [seen, Text(", ".join(plan), "dim")]


def _rounded(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} g/kWh"

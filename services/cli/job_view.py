"""One job as `status ID` prints it, and its decisions as `why ID` does."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from services.cli.output import Rows, as_json, print_columns, print_rows
from services.cli.palette import band_badge, signed_style, simulated_badge, state_word
from services.cli.words import UNKNOWN, clock, counted, duration, energy, grams, intensity, moment
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import DecisionRow, JobStatus

_OUTCOMES = {
    "deferred": State.DEFERRED,
    "released": State.READY,
    "expired": State.EXPIRED,
}


def job_rows(job: JobStatus, now: datetime) -> Rows:
    """A job, line by line; lines that do not apply are left out."""
    yield "Job", str(job.id)
    yield "Type", job.type or UNKNOWN
    yield "State", state_word(job.state)
    if job.state is State.DEFERRED:
        yield "Planned", moment(job.planned_at, now)
    if job.reason and job.state not in FINAL_STATES:
        yield "Reason", job.reason
    yield from _times(job, now)
    yield "Attempts", f"{job.attempts}, deferred {job.deferrals} times".replace(" 1 times", " once")
    if job.state in FINAL_STATES:
        yield from _account(job)
    if job.error:
        yield "Error", job.error
    if job.result is not None:
        yield "Result", as_json(job.result)


def saved_line(job: JobStatus) -> Text:
    """What a job saved, in one line; what is unknown or not over yet is said."""
    if job.state not in FINAL_STATES:
        return Text(f"not finished yet; its first decision promised {_promise(job)}")
    if job.avoided_g is None:
        return Text(f"unknown: {_why_unknown(job)}")
    line = Text(grams(job.avoided_g, signed=True), signed_style(job.avoided_g))
    at_once = f": {grams(job.emissions_g)} emitted, {grams(job.baseline_g)} if run at submission"
    line.append(f"{at_once}; promised {_promise(job)}", "default")
    if job.simulated:
        line.append("  ").append_text(simulated_badge(simulated=True))
    return line


def print_decisions(
    out: Console, job: JobStatus, decisions: Sequence[DecisionRow], now: datetime
) -> None:
    """The trail: each decision with its reason and its numbers, then what came of it."""
    out.print(Text.assemble((str(job.id), "bold"), f"  {job.type or ''}"), soft_wrap=True)
    if job.submitted_at:
        print_columns(out, [_step(clock(job.submitted_at, now), Text("submitted"), _wish(job))])
    for row in decisions:
        word = state_word(_OUTCOMES[row.outcome])
        word.plain = row.outcome
        print_columns(out, [_step(clock(row.at, now), word, Text(row.reason))])
        print_columns(out, [_step("", Text(), line) for line in _numbers(row, now)])
    if not decisions:
        print_columns(out, [_step("", Text("waiting"), Text("no decision is recorded yet"))])
    if job.started_at:
        text = Text(f"after {duration(job.wait_seconds)}" if job.wait_seconds is not None else "")
        print_columns(out, [_step(clock(job.started_at, now), Text("started"), text)])
    if job.finished_at:
        step = _step(clock(job.finished_at, now), state_word(job.state), Text(job.error or ""))
        print_columns(out, [step])
    print_rows(out, [("Saved", saved_line(job))])


def _step(at: str, word: Text, text: Text) -> tuple[tuple[str | Text, int | None], ...]:
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


def _times(job: JobStatus, now: datetime) -> Rows:
    yield "Submitted", moment(job.submitted_at, now)
    if job.started_at:
        waited = f", after {duration(job.wait_seconds)}" if job.wait_seconds is not None else ""
        yield "Started", moment(job.started_at, now) + waited
    if job.finished_at:
        yield "Finished", moment(job.finished_at, now)
    if job.state not in FINAL_STATES:
        yield "Deadline", moment(job.deadline, now)


def _account(job: JobStatus) -> Rows:
    method = f" ({job.energy_method.value})" if job.energy_method else ""
    yield "Energy", energy(job.energy_kwh) + (method if job.energy_kwh is not None else "")
    yield "Carbon saved", saved_line(job)


def _promise(job: JobStatus) -> str:
    return "nothing" if job.promised_g is None else grams(job.promised_g, signed=True)


def _why_unknown(job: JobStatus) -> str:
    if job.attempts == 0:
        return "it never ran"
    if job.energy_kwh is None:
        return "it declares no power or energy"
    return "the grid's intensity was not known while it ran"

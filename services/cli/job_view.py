"""One job as `status ID` prints it."""

from datetime import datetime

from rich.text import Text

from services.cli.output import Rows, as_json
from services.cli.palette import signed_style, simulated_badge, state_word
from services.cli.words import UNKNOWN, clock, counted, duration, energy, grams, moment
from shared.domain.jobs import FINAL_STATES, State
from shared.ledger.reads import JobStatus, Piece
from shared.report.revisions import revision_line

PIECES_SHOWN = 8


def job_rows(job: JobStatus, now: datetime) -> Rows:
    """A job, line by line; lines that do not apply are left out."""
    yield "Job", str(job.id)
    yield "Type", job.type or UNKNOWN
    yield "State", _state(job)
    if job.progress is not None:
        yield "Progress", _progress(job, now)
    if job.state is State.CANCELLED:
        yield "Cancelled", cancellation(job)
    if job.state is State.DEFERRED:
        yield "Planned", moment(job.planned_at, now)
    if job.reason and job.state not in FINAL_STATES:
        yield "Reason", job.reason
    yield from _times(job, now)
    yield "Attempts", f"{job.attempts}, deferred {job.deferrals} times".replace(" 1 times", " once")
    yield from _pieces(job, now)
    if job.state in FINAL_STATES:
        yield from _account(job, now)
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


def cancellation(job: JobStatus) -> str:
    """Who called a job off, and why."""
    by = f"by {job.cancelled_by}" if job.cancelled_by else "nobody said by whom"
    return f"{by}: {job.cancel_reason}" if job.cancel_reason else by


def run_words(piece: Piece) -> str:
    """How long a piece ran, and what it used: `58 s, 1.20 Wh measured`."""
    if piece.finished_at is None:
        return "its end is not known"
    seconds = (piece.finished_at - piece.started_at).total_seconds()
    method = f" {piece.energy_method.value}" if piece.energy_method else ""
    used = f", {energy(piece.energy_kwh)}{method}" if piece.energy_kwh is not None else ""
    return f"{duration(max(0.0, seconds))}{used}"


def _state(job: JobStatus) -> Text:
    word = state_word(job.state)
    if job.piece > 1 and job.state not in FINAL_STATES:
        word.append(f", piece {job.piece}", "default")
    return word


def _progress(job: JobStatus, now: datetime) -> str:
    told = job.progress
    if told is None:
        return UNKNOWN
    fraction = None if told.fraction is None else f"{told.fraction:.0%}".replace("%", " %")
    said = ", ".join(part for part in (fraction, told.message) if part)
    return f"{said} ({duration(max(0.0, (now - told.at).total_seconds()))} ago)"


def _pieces(job: JobStatus, now: datetime) -> Rows:
    """Where it ran, if that was more than one run; of very many the last ones."""
    if len(job.pieces) < 2:
        return
    shown = job.pieces[-PIECES_SHOWN:]
    left_out = len(job.pieces) - len(shown)
    many_regions = len({piece.region for piece in job.pieces}) > 1
    if left_out:
        yield "Ran", f"{counted(left_out, 'time')} before those below"
    for place, piece in enumerate(shown):
        label = "Ran" if place == 0 and not left_out else ""
        name = f"attempt {piece.attempt}" + (f", piece {piece.piece}" if piece.piece > 1 else "")
        outcome = piece.outcome or "not over yet"
        ran = "" if piece.finished_at is None else f", {run_words(piece)}"
        where = f" in {piece.region}" if many_regions else ""
        yield label, f"{clock(piece.started_at, now)}  {outcome}: {name}{where}{ran}"


def _times(job: JobStatus, now: datetime) -> Rows:
    yield "Submitted", moment(job.submitted_at, now)
    if job.replayed_at:
        yield "Replayed", moment(job.replayed_at, now)
    if job.started_at:
        waited = f", after {duration(job.wait_seconds)}" if job.wait_seconds is not None else ""
        yield "Started", moment(job.started_at, now) + waited
    if job.finished_at:
        yield "Finished", moment(job.finished_at, now)
    if job.state not in FINAL_STATES:
        yield "Deadline", moment(job.deadline, now)


def _account(job: JobStatus, now: datetime) -> Rows:
    method = f" ({job.energy_method.value})" if job.energy_method else ""
    if job.attempts:
        yield "Energy", energy(job.energy_kwh) + (method if job.energy_kwh is not None else "")
    yield "Carbon saved", saved_line(job)
    for revision in job.account_revisions:
        yield "Revised", f"{clock(revision.at, now)}  {revision_line(revision)}"


def _promise(job: JobStatus) -> str:
    return "nothing" if job.promised_g is None else grams(job.promised_g, signed=True)


def _why_unknown(job: JobStatus) -> str:
    if job.attempts == 0:
        return "it never ran"
    if job.energy_kwh is None:
        return "it declares no power or energy"
    return "the grid's intensity was not known while it ran"

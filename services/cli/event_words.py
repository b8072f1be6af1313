"""Events as one line each: a word in its colour, and what it means."""

from dataclasses import dataclass
from functools import singledispatch

from rich.text import Text

from services.cli.palette import (
    BAD,
    GOOD,
    STATE_STYLES,
    WARNING,
    band_badge,
    simulated_badge,
)
from services.cli.words import counted, duration, energy, grams, intensity
from shared.domain.jobs import State
from shared.messages import (
    ControlTaken,
    Event,
    Finished,
    IntensityRevised,
    IntensityUpdated,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobEvent,
    JobExpired,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobRejected,
    JobReleased,
    JobReplayed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PoolResized,
    ServiceBeat,
    TimetableUpdated,
)

ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class EventLine:
    """What happened, to whom, and the rest in words."""

    at: str
    subject: str
    word: Text
    text: Text


def event_line(event: Event) -> EventLine:
    """An event in words; times are UTC."""
    subject = str(event.job_id)[:ID_LENGTH] if isinstance(event, JobEvent) else ""
    style, word, text = _say(event)
    shown = text if isinstance(text, Text) else Text(text)
    return EventLine(event.at.strftime("%H:%M:%S"), subject, Text(word, style), shown)


Said = tuple[str, str, str | Text]


@singledispatch
def _say(event: Event) -> Said:
    return "dim", type(event).__name__, ""


@_say.register
def _accepted(event: JobAccepted) -> Said:
    job = event.job
    return (
        "",
        "accepted",
        f"{job.type}, {job.priority.value} priority, at most {job.accepts().words}",
    )


@_say.register
def _rejected(event: JobRejected) -> Said:
    return BAD, "rejected", event.reason


@_say.register
def _deferred(event: JobDeferred) -> Said:
    saving = event.numbers.expected_saving_g
    gain = f", saving {grams(saving, signed=True)}" if saving else ""
    until = f"until {event.planned_at:%H:%M:%S}"
    return STATE_STYLES[State.DEFERRED], "deferred", f"{until}{gain}: {event.reason}"


@_say.register
def _released(event: JobReleased) -> Said:
    text = f"to {event.region}, {event.lane.value} lane: {event.reason}"
    return STATE_STYLES[State.READY], "released", text


@_say.register
def _expired(event: JobExpired) -> Said:
    return BAD, "expired", event.reason


@_say.register
def _started(event: JobStarted) -> Said:
    again = f", attempt {event.attempt}" if event.attempt > 1 else ""
    process = event.pool.removesuffix(f":{event.region}")
    return STATE_STYLES[State.RUNNING], "started", f"in {event.region} on {process}{again}"


@_say.register
def _progressed(event: JobProgressed) -> Said:
    share = "" if event.fraction is None else f"{event.fraction:.0%}".replace("%", " %")
    said = (part for part in (share, event.message) if part)
    return STATE_STYLES[State.RUNNING], "progress", ", ".join(said)


@_say.register
def _paused(event: JobPaused) -> Said:
    left = f"{duration(event.remaining_seconds)} left"
    return STATE_STYLES[State.DEFERRED], "paused", f"{_run_words(event)}, {left}: {event.reason}"


@_say.register
def _cancelled(event: JobCancelled) -> Said:
    return STATE_STYLES[State.CANCELLED], "cancelled", f"{_by(event.by)}: {event.reason}"


@_say.register
def _replayed(event: JobReplayed) -> Said:
    failed = counted(event.attempts, "failed attempt")
    return "", "replayed", f"{_by(event.by)}, after {failed}"


@_say.register
def _succeeded(event: JobSucceeded) -> Said:
    return GOOD, "succeeded", _run_words(event)


@_say.register
def _failed(event: JobFailed) -> Said:
    return WARNING, "failed", f"attempt {event.attempt}, {_run_words(event)}: {event.error}"


@_say.register
def _retried(event: JobRetried) -> Said:
    return WARNING, "retried", f"not before {event.not_before:%H:%M:%S}"


@_say.register
def _died(event: JobDied) -> Said:
    return BAD, "died", f"{counted(event.attempt, 'attempt')}: {event.error}"


@_say.register
def _updated(event: IntensityUpdated) -> Said:
    reading = event.reading
    amount = intensity(reading.intensity_g_per_kwh, reading.index_percent)
    text = Text.assemble(f"{reading.region} {amount} ", band_badge(event.band))
    text.append(f" {event.freshness.value}")
    if reading.simulated:
        text.append(" ").append_text(simulated_badge(simulated=True))
    if event.reason:
        text.append(f": {event.reason}")
    return "bold", "grid", text


@_say.register
def _revised(event: IntensityRevised) -> Said:
    points = counted(len(event.points), "point")
    text = Text(f"{event.region}: {event.source} says {points} otherwise than before")
    if event.simulated:
        text.append(" ").append_text(simulated_badge(simulated=True))
    return "bold", "revised", text


@_say.register
def _resized(event: PoolResized) -> Said:
    consumers = counted(event.consumers, "consumer")
    size = f"{event.region}: {consumers}, prefetch {event.prefetch}"
    return "bold", "pool", f"{size} ({event.reason})"


@_say.register
def _control_taken(event: ControlTaken) -> Said:
    what = event.action.value.replace("_", " ")
    return "bold", "control", f"{what} {_by(event.by)}: {event.scope}"


@_say.register
def _beat(event: ServiceBeat) -> Said:
    known = {name: value for name, value in event.facts.items() if value is not None}
    facts = ", ".join(f"{name} {value}" for name, value in known.items() if "." not in name)
    return "dim", "beat", f"{event.service} {event.instance}" + (f": {facts}" if facts else "")


@_say.register
def _timetable(event: TimetableUpdated) -> Said:
    jobs = sum(slot.jobs for slot in event.slots)
    slots = sum(slot.jobs > 0 for slot in event.slots)
    return "dim", "plan", f"{event.region}: {counted(jobs, 'job')} in {counted(slots, 'slot')}"


def _by(asker: str | None) -> str:
    return f"by {asker}" if asker else "by request"


def _run_words(event: Finished) -> str:
    seconds = (event.finished_at - event.started_at).total_seconds()
    used = f", {energy(event.energy_kwh)}" if event.energy_kwh is not None else ""
    method = f" {event.energy_method.value}" if used and event.energy_method else ""
    return f"in {duration(max(0.0, seconds))}{used}{method}"

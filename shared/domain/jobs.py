"""A job, its priority and deadline arithmetic, and the states that it passes through."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.bands import Band
from shared.domain.savings import energy_kwh


class Priority(StrEnum):
    """How much a job may be made to wait for a cleaner grid, most patient first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class OnDeadline(StrEnum):
    """What becomes of a job that can no longer finish by its deadline."""

    RUN = "run"
    EXPIRE = "expire"


class Lane(StrEnum):
    """The three ready queues of a region, most urgent first."""

    URGENT = "urgent"
    NORMAL = "normal"
    BACKGROUND = "background"


class State(StrEnum):
    """Where a job is."""

    SUBMITTED = "submitted"  # accepted, not yet decided
    DEFERRED = "deferred"  # waiting on the wheel for a cleaner grid
    READY = "ready"  # waiting for a free consumer
    RUNNING = "running"
    RETRYING = "retrying"  # failed, waiting for its next attempt
    PAUSED = "paused"  # interrupted with a checkpoint
    SUCCEEDED = "succeeded"
    DEAD = "dead"  # failed for good; kept in jobs.dead, replayable
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FINAL_STATES = frozenset({State.SUCCEEDED, State.DEAD, State.CANCELLED, State.EXPIRED})
TRANSITIONS: dict[State, frozenset[State]] = {
    State.SUBMITTED: frozenset({State.DEFERRED, State.READY, State.CANCELLED, State.EXPIRED}),
    State.DEFERRED: frozenset({State.READY, State.DEFERRED, State.CANCELLED, State.EXPIRED}),
    State.READY: frozenset({State.RUNNING, State.DEFERRED, State.CANCELLED, State.DEAD}),
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.RETRYING, State.PAUSED, State.DEAD, State.CANCELLED, State.EXPIRED}
    ),
    State.RETRYING: frozenset({State.READY, State.DEFERRED, State.CANCELLED, State.EXPIRED}),
    State.PAUSED: frozenset({State.DEFERRED, State.READY, State.CANCELLED, State.EXPIRED}),
    State.SUCCEEDED: frozenset(),
    State.DEAD: frozenset({State.SUBMITTED}),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted job: every open question of its submission is answered.

    Attributes:
        max_band: the dirtiest band that it accepts.
        deadline: its latest finish.
        power_watts: the power that it declares while it runs; None if it declares none.
        energy_kwh: the energy that it declares for one run, instead of a power.
        regions: where it may run, first choice first.
        retries: how often it may be tried again after a failure.
        attempts: how many runs have ended in failure so far.
        deferrals: how many times it was sent to wait for a cleaner grid; never an attempt.
        attempts_at_replay: of `attempts`, those before it was last replayed; the retries that it
            was given anew come on top of them.
    """

    id: UUID
    type: str
    priority: Priority
    max_band: Band
    submitted_at: datetime
    deadline: datetime
    expected_duration_seconds: float
    regions: tuple[str, ...]
    power_watts: float | None = None
    energy_kwh: float | None = None
    interruptible: bool = False
    on_deadline: OnDeadline = OnDeadline.RUN
    retries: int = 3
    timeout_seconds: float | None = None
    attempts: int = 0
    deferrals: int = 0
    attempts_at_replay: int = 0

    def latest_start(self, margin_seconds: float) -> datetime:
        """The last moment to start and still finish by the deadline, less a safety margin."""
        return self.deadline - timedelta(seconds=self.expected_duration_seconds + margin_seconds)

    def declared_energy_kwh(self, seconds: float) -> float | None:
        """What it declares to use when it runs this long; None if it declares nothing.

        A declared energy is for the whole run, so a run that was cut short used its share.
        """
        if self.energy_kwh is not None:
            return self.energy_kwh * min(1.0, seconds / self.expected_duration_seconds)
        return None if self.power_watts is None else energy_kwh(self.power_watts, seconds)

    def expected_energy_kwh(self) -> float | None:
        """What it declares to use when it runs as long as expected."""
        return self.declared_energy_kwh(self.expected_duration_seconds)

    def accepts(self) -> Band:
        """The dirtiest band that it runs in: high priority tolerates one more than it asks for."""
        return self.max_band.one_worse() if self.priority is Priority.HIGH else self.max_band

    def was_replayed_after(self, at: datetime) -> bool:
        """Whether it began anew since then: what was asked before was for the run that died."""
        return self.attempts_at_replay > 0 and at < self.submitted_at


def replayed(job: Job, now: datetime, deadline: datetime | None = None) -> Job:
    """A dead job as it is submitted again: its retries and its time to finish begin anew.

    Its attempts are counted on, so that no number is used twice.

    Args:
        job: as it died.
        now: when it is submitted again.
        deadline: its new one; None for as long from now as it had from its submission.
    """
    own_retries = max(0, job.retries - job.attempts_at_replay)
    return replace(
        job,
        submitted_at=now,
        deadline=deadline or now + (job.deadline - job.submitted_at),
        retries=job.attempts + own_retries,
        attempts_at_replay=job.attempts,
    )


def rest_of(job: Job, remaining_seconds: float | None) -> Job:
    """What is left of a job, as a job: to decide and plan its rest as if that were all of it.

    A declared energy is for the whole run, so the rest is expected to take its share of the
    duration; a declared power needs no change.

    Args:
        job: the whole job.
        remaining_seconds: how much longer it is expected to run; None for all of it.
    """
    if remaining_seconds is None:
        return job
    energy = job.energy_kwh
    if energy is not None:
        energy *= remaining_seconds / job.expected_duration_seconds
    return replace(job, expected_duration_seconds=remaining_seconds, energy_kwh=energy)


def lane_of(priority: Priority, *, due: bool) -> Lane:
    """The lane of a released job; one whose latest start is reached counts as urgent."""
    if due or priority in {Priority.CRITICAL, Priority.HIGH}:
        return Lane.URGENT
    return Lane.BACKGROUND if priority is Priority.LOW else Lane.NORMAL

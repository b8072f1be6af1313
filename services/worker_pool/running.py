"""An attempt while it runs: what others may know of it and ask of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from services.worker_pool.notes import Notes
from services.worker_pool.works import Work
from shared.handlers import StopSignal
from shared.messages import QueuedJob

LEAST_REMAINING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one piece of a job in one pool."""

    queued: QueuedJob
    pool: str
    region: str
    started_at: datetime

    @property
    def number(self) -> int:
        """1 for the first run."""
        return self.queued.job.attempts + 1

    @property
    def piece(self) -> int:
        """1 until the attempt is interrupted."""
        return self.queued.piece

    def event_id(self, what: str) -> UUID:
        """The same for the same piece of an attempt, so that the ledger counts it once."""
        later_piece = f":{self.piece}" if self.piece > 1 else ""
        return uuid5(self.queued.job.id, f"{what}:{self.number}{later_piece}")


class RunningAttempt:
    """An attempt while it runs.

    Attributes:
        stop: asks the handler to stop.
        over_limit: whether its time limit has passed.
        was_cut: whether somebody ended it, or tried to.
    """

    def __init__(self, attempt: Attempt) -> None:
        """Nothing runs yet."""
        self.attempt = attempt
        self.stop = StopSignal()
        self.over_limit = False
        self.was_cut = False
        self.work: Work | None = None
        self.notes: Notes | None = None

    @property
    def queued(self) -> QueuedJob:
        """The job as it came."""
        return self.attempt.queued

    @property
    def piece(self) -> int:
        """1 until the attempt is interrupted."""
        return self.attempt.piece

    @property
    def started_at(self) -> datetime:
        """When this piece began."""
        return self.attempt.started_at

    def cut(self) -> bool:
        """End the handler: an async one is cancelled, a process killed with its group.

        Returns:
            False for a thread, which only itself can end; the attempt lasts until it does.
        """
        self.was_cut = True
        return self.work is not None and self.work.cut()

    def returned(self) -> QueuedJob:
        """The job to be handed back unfinished, the same piece again, from its last checkpoint."""
        return self.rest().model_copy(update={"piece": self.piece})

    def rest(self) -> QueuedJob:
        """What is left of the job at its last checkpoint, as the next piece."""
        return self.queued.model_copy(
            update={
                "slot": None,
                "not_before": None,
                "checkpoint": self.queued.checkpoint
                if self.notes is None
                else self.notes.checkpoint,
                "piece": self.piece + 1,
                "remaining_seconds": self._remaining_seconds(),
            }
        )

    def _remaining_seconds(self) -> float | None:
        """Less what ran up to the last checkpoint; what ran after it will have to run again."""
        if self.notes is None or self.notes.kept_at is None:
            return self.queued.remaining_seconds
        before = self.queued.remaining_seconds or self.queued.job.expected_duration_seconds
        ran = (self.notes.kept_at - self.started_at).total_seconds()
        # A clock that was set back meanwhile undoes no work.
        return max(LEAST_REMAINING_SECONDS, before - max(0.0, ran))

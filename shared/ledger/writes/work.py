"""What a finished job used: the pieces that did its work, and the energy that was wasted.

The baseline of an account is the energy of the work alone, run at submission: what failed,
was cancelled, or was interrupted and done again would not have been needed there, so its
emissions count in full and have no baseline. Nothing of a job that never succeeded is work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.savings import Run
from shared.ledger.tables import AnyRow
from shared.ledger.writes import positions
from shared.ledger.writes.series import Window

_LONG_AGO_S = float("-inf")
LEAST_REST_SECONDS = 1.0
"""Workers give no shorter rest, so an unchanged rest of this length says nothing."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job used: the runs that did the work and those that did not, each with its region."""

    submitted_s: float
    done: tuple[tuple[str, Run], ...]
    wasted: tuple[tuple[str, Run], ...]

    @property
    def regions(self) -> list[str]:
        """Everywhere that it ran."""
        return sorted({where for where, _ in (*self.done, *self.wasted)})

    def done_in(self, region: str) -> list[Run]:
        """The runs of one region that did the work."""
        return [run for where, run in self.done if where == region]

    def wasted_in(self, region: str) -> list[Run]:
        """The runs of one region that came to nothing."""
        return [run for where, run in self.wasted if where == region]

    def windows(self, region: str) -> list[Window]:
        """The times whose intensities an account rests on, in one region."""
        done = self.done_in(region)
        windows = [(run.started_s, run.finished_s) for run in (*done, *self.wasted_in(region))]
        if done:
            seconds = sum(run.finished_s - run.started_s for run in done)
            windows.append((self.submitted_s, self.submitted_s + seconds))
        return windows


def work_of(job: Any, tried: Sequence[AnyRow]) -> Work:  # noqa: ANN401 - a row, or what has its columns
    """Part the pieces of a job into those that did its work and the wasted ones.

    Work is the first success, and the pieces before it that were interrupted at a checkpoint:
    a checkpoint is carried on, also to the next attempt.

    Args:
        job: with `submitted_at`, `replayed_at`, `replayed_key` and `expected_duration_seconds`.
        tried: its finished pieces, in the order of attempt and piece.
    """
    done = [row for row in tried if row.outcome == "succeeded"]
    last = min(done, key=lambda row: (row.finished_at, row.attempt, row.piece)) if done else None
    began_at, useful = job.submitted_at, []
    if last is not None:
        before = tried
        failed = positions.failed_before(job.replayed_key) if job.replayed_key else None
        if failed is not None and last.attempt > failed:
            # A replay is a new submission: what the job did before it died came to nothing.
            # Its attempts are counted on, so their numbers tell both apart where clocks differ.
            began_at, before = job.replayed_at, [row for row in tried if row.attempt > failed]
        useful = [*_kept(job.expected_duration_seconds, before, last), last]
    return Work(
        submitted_s=began_at.timestamp() if began_at else _LONG_AGO_S,
        done=tuple((row.region, _run(row)) for row in useful),
        wasted=tuple((row.region, _run(row)) for row in tried if row not in useful),
    )


def _kept(expected_seconds: float | None, tried: Sequence[AnyRow], last: AnyRow) -> list[AnyRow]:
    """The interrupted pieces whose checkpoint left less to do; the others were done again."""
    kept, rest_seconds = [], expected_seconds
    for row in tried:
        if row.outcome != "paused" or (row.attempt, row.piece) >= (last.attempt, last.piece):
            continue
        after_seconds = row.remaining_seconds
        if (
            after_seconds is None
            or rest_seconds is None
            or after_seconds < rest_seconds
            or after_seconds <= LEAST_REST_SECONDS
        ):
            kept.append(row)
        rest_seconds = after_seconds
    return kept


def _run(row: AnyRow) -> Run:
    return Run(row.started_at.timestamp(), row.finished_at.timestamp(), row.energy_kwh)

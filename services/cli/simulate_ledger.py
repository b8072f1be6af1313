"""`simulate --from-ledger`: one's own finished jobs and the grid that was observed meanwhile."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from services.cli.words import counted, duration
from shared.domain.grid import utc
from shared.domain.replay import JobRow, Schedule, Stretch, longest_stretch
from shared.domain.savings import JOULES_PER_KWH, Run
from shared.domain.windows import Floats, Series
from shared.errors import NotFound
from shared.ledger.reads.history import (
    FinishedRun,
    ObservedKind,
    busiest_region,
    finished_runs,
    observed_kinds,
    observed_points,
)

LEARNED_FROM = timedelta(days=60)
"""How long before the first job readings are taken, for the forecaster to learn from."""
DAY_SECONDS = 86_400.0
POINT_SECONDS = 300.0
LEAST_POINTS = 2
SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True)
class History:
    """What the ledger knows of one region, ready for a replay.

    Attributes:
        rows: the jobs as they were asked for, with the durations and energies of their runs.
        ran: the pieces in which they really ran.
        power_watts: of each piece.
        jobs_left_out: how many finished jobs cannot be replayed, by the reason.
    """

    region: str
    kind: ObservedKind
    stretch: Stretch
    rows: list[JobRow]
    ran: Schedule
    power_watts: Floats
    jobs_left_out: dict[str, int]

    @property
    def series(self) -> Series:
        """The observed intensities."""
        return self.stretch.series

    @property
    def origin(self) -> str:
        """Where the readings come from: `marginal by watttime, 2 Oct 14:00 to 1 Nov 2026 ...`."""
        first, last = utc(self.series.start_s), utc(self.series.end_s)
        span = f"{first:%-d %b %H:%M} to {last:%-d %b %Y %H:%M} UTC"
        return f"{self.kind.signal.value} by {self.kind.source}, {span}"

    @property
    def day_seconds(self) -> float:
        """The length of a day: shorter where a recording is replayed faster than it was made.

        The emulator's points are five minutes of its recording, however fast it plays them.
        """
        faster = min(1.0, self.series.period_s / POINT_SECONDS) if self.kind.simulated else 1.0
        return DAY_SECONDS * faster

    def remarks(self) -> list[str]:
        """What was bridged and what was left out, a line for each."""
        lines: list[str] = []
        if self.stretch.bridged:
            missing = counted(self.stretch.bridged, "missing reading")
            lines.append(f"{missing} bridged by straight lines")
        if self.stretch.left_out:
            apart = counted(self.stretch.left_out, "reading")
            lines.append(f"{apart} left out: long gaps part them from the longest stretch")
        cut = sum(row.deadline_s >= self.series.end_s for row in self.rows)
        if cut:
            lines.append(f"{counted(cut, 'deadline')} cut to the end of the readings")
        for reason, count in self.jobs_left_out.items():
            lines.append(f"{counted(count, 'job')} left out: {reason}")
        return lines


def read_history(
    engine: Engine, now: datetime, since_seconds: float, region: str | None = None
) -> History:
    """The finished jobs of the last `since_seconds` and the readings of their region.

    Args:
        engine: of the ledger.
        now: the present.
        since_seconds: how far back submissions count.
        region: the one with most finished jobs if None.

    Raises:
        NotFound: there are no jobs or readings to replay.
        LedgerUnreachable: the database does not answer.
    """
    since = now - timedelta(seconds=since_seconds)
    lately = f"in the last {duration(since_seconds)}"
    chosen = region or busiest_region(engine, since)
    if chosen is None:
        raise NotFound(f"no job finished {lately}; `carbon-aware status` shows what there is")
    kind, stretch = _readings(engine, chosen, since - LEARNED_FROM)
    rows: list[JobRow] = []
    pieces: list[tuple[int, float, float, float]] = []
    left_out: Counter[str] = Counter()
    for run in finished_runs(engine, chosen, since):
        row = _row(run, stretch.series)
        if isinstance(row, str):
            left_out[row] += 1
        else:
            pieces += [(len(rows), *_stretch_of_work(piece)) for piece in run.pieces]
            rows.append(row)
    if not rows:
        why = "".join(f"; {count} left out: {reason}" for reason, count in left_out.items())
        raise NotFound(f"no job that finished {lately} in {chosen} can be replayed{why}")
    job, start_s, end_s, watts = (np.array(column) for column in zip(*pieces, strict=True))
    return History(
        chosen, kind, stretch, rows, Schedule(job, start_s, end_s), watts, dict(left_out)
    )


def _readings(engine: Engine, region: str, since: datetime) -> tuple[ObservedKind, Stretch]:
    kinds = observed_kinds(engine, region, since)
    points = list(observed_points(engine, region, kinds[0], since)) if kinds else []
    if len(points) < LEAST_POINTS:
        count = counted(len(points), "observed reading")
        raise NotFound(f"the ledger has {count} of {region} in g/kWh; a replay needs a stretch")
    at_s = np.array([at.timestamp() for at, _ in points])
    values = np.array([value for _, value in points])
    return kinds[0], longest_stretch(at_s, values, kinds[0].period_seconds)


def _row(run: FinishedRun, series: Series) -> JobRow | str:
    """The job with its real duration and energy, or why it cannot be replayed."""
    if len(run.regions) > 1:
        return "they ran in several regions"
    if run.energy_kwh is None:
        return "their energy is unknown"
    seconds = sum(piece.finished_s - piece.started_s for piece in run.pieces)
    if run.deadline is None or seconds < SHORTEST_SECONDS:
        return "their deadline or their duration is unknown"
    ended_s = max(piece.finished_s for piece in run.pieces)
    if run.submitted_s < series.start_s or ended_s > series.end_s:
        return "they lie outside the readings"
    return JobRow(
        submitted_s=run.submitted_s,
        duration_s=seconds,
        deadline_s=min(run.deadline.timestamp(), series.end_s),  # what comes then is not known
        power_watts=run.energy_kwh * JOULES_PER_KWH / seconds,
        priority=run.priority,
        max_band=run.max_band,
        interruptible=run.interruptible,
    )


def _stretch_of_work(piece: Run) -> tuple[float, float, float]:
    """Start and end of a piece, and its watts; one that took no time gets the shortest."""
    seconds = max(piece.finished_s - piece.started_s, SHORTEST_SECONDS)
    watts = piece.energy_kwh * JOULES_PER_KWH / seconds
    return piece.started_s, piece.started_s + seconds, watts

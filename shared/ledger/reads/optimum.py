"""What the jobs of a report could have avoided at best, with the grid known in full.

For each known job: the least that its work could have emitted between submission and deadline,
in the cheapest window, or in the cheapest points where it may pause; in any of the regions that
it allowed; on the readings of its own account, marginal or average, real or simulated. A job
that ended late is held to its own end, and one that drew more power while the grid was cleaner to
what it did avoid, so that nothing real beats the bound.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from shared.domain.grid import utc
from shared.domain.hindsight import Chances, Recorded, least_means
from shared.ledger.reads.known_jobs import KnownJob
from shared.ledger.reads.query import reading
from shared.ledger.reads.report import UNNAMED
from shared.ledger.reads.report_rows import GroupBy, Kind
from shared.ledger.writes.series import AllSeries, load_series

NOTHING_TO_GAIN = 1e-9
"""The share of the baseline below which there was nothing to be avoided."""
LEAST_SECONDS = 1.0
"""For how long a job is placed that took no time, or less: within instants of Unix time in floating
point the mean of a shorter window is lost in rounding."""
READINGS_END = "the readings end before the deadline"
READINGS_MISSING = "readings are missing before the deadline"
NO_DEADLINE = "the deadline was never told"
TOTAL = "total"
Group = tuple[Kind, str]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What was possible for the jobs of one kind and group, and what their runs took.

    Attributes:
        jobs: the known jobs that were looked at; those that were pruned cannot be.
        run_seconds: how long all of their attempts ran.
        optimum_jobs: the known jobs whose optimum is known.
        optimum_realised_g: what those jobs avoided.
        optimum_avoided_g: what they could have avoided at best; None where there are none.
        optimum_baseline_g: their baseline.
        unknown: how many known jobs have no optimum, by the reason.
    """

    jobs: int
    run_seconds: float
    optimum_jobs: int
    optimum_realised_g: float | None
    optimum_avoided_g: float | None
    optimum_baseline_g: float
    unknown: tuple[tuple[str, int], ...]

    @property
    def share_of_optimum_percent(self) -> float | None:
        """Realised of possible; None where that is unknown or there was nothing to gain."""
        possible = self.optimum_avoided_g
        if possible is None or possible <= NOTHING_TO_GAIN * self.optimum_baseline_g:
            return None
        return 100 * (self.optimum_realised_g or 0.0) / possible


NONE_LEFT = Hindsight(0, 0.0, 0, None, None, 0.0, ())
"""Of a group whose jobs were all pruned."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a job could have avoided at best, or why that is not known."""

    avoided_g: float | None
    unknown: str | None = None


def bounds(
    engine: Engine, known: Sequence[KnownJob], progress: Progress = lambda _: None
) -> list[Bound]:
    """The bound of each job, in their order.

    Args:
        engine: of the ledger.
        known: the jobs.
        progress: told how many jobs were just done with.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    found = [_at_once(job) for job in known]
    waiting = [place for place, bound in enumerate(found) if bound is None]
    progress(len(known) - len(waiting))
    alike: dict[tuple[Kind, tuple[str, ...]], list[int]] = defaultdict(list)
    for place in waiting:
        alike[known[place].kind, known[place].regions].append(place)
    recorded = _Readings(engine, [known[place] for place in waiting])
    for (kind, regions), places in alike.items():
        some = [known[place] for place in places]
        for place, bound in zip(places, _bounds(some, recorded.of(kind, regions)), strict=True):
            found[place] = bound
        progress(len(places))
    return [bound for bound in found if bound is not None]


def hindsight(
    known: Sequence[KnownJob], found: Sequence[Bound], by: GroupBy | None
) -> dict[Group, Hindsight]:
    """The jobs and their bounds summed up by kind and group; all in one group for no `by`."""
    groups: dict[Group, list[tuple[KnownJob, Bound]]] = defaultdict(list)
    for job, bound in zip(known, found, strict=True):
        groups[job.kind, TOTAL if by is None else _group(job, by)].append((job, bound))
    return {group: _summed(pairs) for group, pairs in groups.items()}


def _group(job: KnownJob, by: GroupBy) -> str:
    if by is GroupBy.DAY:
        return utc(job.finished_s).date().isoformat()
    names = {
        GroupBy.TYPE: job.type,
        GroupBy.REGION: job.region,
        GroupBy.PRIORITY: job.priority,
    }
    return names[by] or UNNAMED


def _summed(pairs: Sequence[tuple[KnownJob, Bound]]) -> Hindsight:
    told = [(job, bound.avoided_g) for job, bound in pairs if bound.avoided_g is not None]
    unknown = Counter(bound.unknown for _, bound in pairs if bound.unknown is not None)
    return Hindsight(
        jobs=len(pairs),
        run_seconds=sum(job.run_seconds for job, _ in pairs),
        optimum_jobs=len(told),
        optimum_realised_g=sum(job.avoided_g for job, _ in told) if told else None,
        optimum_avoided_g=sum(avoided_g for _, avoided_g in told) if told else None,
        optimum_baseline_g=sum(job.baseline_g for job, _ in told),
        unknown=tuple(sorted(unknown.items())),
    )


def _at_once(job: KnownJob) -> Bound | None:
    """The bound of a job that needs no readings; None where it does."""
    if job.work_seconds <= 0 and job.baseline_g <= 0:  # nothing came of it: nothing to be saved
        return Bound(0.0)
    return Bound(None, NO_DEADLINE) if job.deadline_s is None else None


class _Readings:
    """The readings of all the jobs' time, laid on an axis where one is asked for."""

    def __init__(self, engine: Engine, known: Sequence[KnownJob]) -> None:
        self._series: AllSeries = {}
        if known:
            start = utc(min(job.submitted_s for job in known))
            end = utc(max(_end_s(job) for job in known))
            regions = sorted({region for job in known for region in job.regions})
            with reading(engine) as connection:
                self._series = load_series(connection, regions, start, end)
        self._recorded: dict[tuple[str, Kind], Recorded | None] = {}

    def of(self, kind: Kind, regions: Sequence[str]) -> list[Recorded | None]:
        """The records of some regions; None for one without a reading of that signal."""
        return [self._of(kind, region) for region in regions]

    def _of(self, kind: Kind, region: str) -> Recorded | None:
        if (region, kind) not in self._recorded:
            self._recorded[region, kind] = self._made(kind, region)
        return self._recorded[region, kind]

    def _made(self, kind: Kind, region: str) -> Recorded | None:
        signal, simulated = kind
        series = None if signal is None else self._series.get((region, signal))
        if series is None:
            return None
        # What was only expected is no hindsight, and what was simulated says nothing of the real.
        reliable = [
            observed and (bool(simulated) or not made_up)
            for observed, made_up in zip(series.observed, series.simulated, strict=True)
        ]
        return Recorded.of(series.points, reliable)


def _end_s(job: KnownJob) -> float:
    """By when its work had to be over; a late job is held to its own end."""
    whole_s = job.submitted_s + _placed_seconds(job)
    return max(job.deadline_s or whole_s, job.work_finished_s, whole_s)


def _placed_seconds(job: KnownJob) -> float:
    """How long a window for its work is."""
    return max(LEAST_SECONDS, job.work_seconds)


def _bounds(some: Sequence[KnownJob], records: Sequence[Recorded | None]) -> list[Bound]:
    """The bounds of jobs of one kind that might have run in the same regions."""
    chances = Chances(
        submitted_s=np.array([job.submitted_s for job in some]),
        end_s=np.array([_end_s(job) for job in some]),
        seconds=np.array([_placed_seconds(job) for job in some]),
        interruptible=np.array([job.interruptible for job in some], dtype=np.bool_),
    )
    least = np.full(len(some), np.inf)
    covered, ended = np.ones(len(some), dtype=np.bool_), np.zeros(len(some), dtype=np.bool_)
    for record in records:
        if record is None:
            return [Bound(None, READINGS_MISSING)] * len(some)
        covered &= record.covers(chances.submitted_s, chances.end_s)
        ended |= ~record.reaches(chances.end_s)
    for record in records:
        if record is not None and covered.any():
            means = least_means(record.series, chances.of(covered))
            least[covered] = np.minimum(least[covered], means)
    work_kwh = np.array([job.work_kwh for job in some])
    avoided = np.array([job.baseline_g for job in some]) - work_kwh * np.where(covered, least, 0.0)
    # Spread evenly, the energy of pieces of unequal power may do worse than they did.
    avoided = np.maximum(avoided, [job.avoided_g for job in some])
    return [
        Bound(float(avoided_g))
        if known
        else Bound(None, READINGS_END if late else READINGS_MISSING)
        for avoided_g, known, late in zip(avoided, covered, ended, strict=True)
    ]

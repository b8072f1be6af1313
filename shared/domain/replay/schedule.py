"""What came of a policy: when each job ran, what it emitted, how long it waited."""

from dataclasses import dataclass

import numpy as np

from shared.domain.replay.workload import TOLERANCE_SECONDS, Workload
from shared.domain.savings import JOULES_PER_KWH
from shared.domain.windows import Floats, Ints, Series


@dataclass(frozen=True, slots=True)
class Schedule:
    """Stretches of work, several for a job that was paused; ordered by time within a job."""

    job: Ints
    start_s: Floats
    end_s: Floats

    @classmethod
    def whole(cls, workload: Workload, start_s: Floats) -> "Schedule":
        """Every job in one piece."""
        jobs = np.arange(len(workload), dtype=np.int64)
        return cls(jobs, start_s, start_s + workload.duration_s)

    @classmethod
    def merged(cls, one: "Schedule", other: "Schedule") -> "Schedule":
        """Two schedules of different jobs."""
        return cls(
            np.concatenate((one.job, other.job)),
            np.concatenate((one.start_s, other.start_s)),
            np.concatenate((one.end_s, other.end_s)),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per job: emissions, the same at submission, and the wait beyond the bare duration.

    Attributes:
        wait_s: completion less submission less duration: pauses count as waiting.
    """

    emissions_g: Floats
    run_now_g: Floats
    wait_s: Floats
    late: int


def account(
    series: Series, workload: Workload, schedule: Schedule, power_watts: Floats | None = None
) -> Outcome:
    """Integrate the true intensity over every stretch; nobody's forecast enters here.

    Args:
        series: the true intensities.
        workload: the jobs.
        schedule: when they ran.
        power_watts: of every stretch, where it was not that of its job throughout.
    """
    count = len(workload)
    areas = series.area(schedule.end_s) - series.area(schedule.start_s)
    watts = workload.power_watts[schedule.job] if power_watts is None else power_watts
    grams = areas * watts / JOULES_PER_KWH
    emitted: Floats = np.bincount(schedule.job, weights=grams, minlength=count).astype(np.float64)
    finish_s = np.full(count, -np.inf)
    np.maximum.at(finish_s, schedule.job, schedule.end_s)
    submitted, seconds = workload.submitted_s, workload.duration_s
    at_once = series.area(submitted + seconds) - series.area(submitted)
    return Outcome(
        emissions_g=emitted,
        run_now_g=workload.grams(at_once),
        wait_s=np.maximum(finish_s - submitted - seconds, 0.0),
        late=int(np.count_nonzero(finish_s > workload.deadline_s + TOLERANCE_SECONDS)),
    )

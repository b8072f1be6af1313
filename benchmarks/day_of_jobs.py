"""A made-up day of jobs: mixed durations, deadlines, priorities and bands; a seed repeats it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sleeping_jobs import JOB_TYPE

from shared.domain.bands import Band
from shared.domain.jobs import Priority
from shared.messages import JobSubmit

HOUR_S = 3600.0
MINUTE_S = 60.0
DURATION_MINUTES = (5.0, 90.0)
DEADLINE_HOURS = (2.0, 16.0)
POWER_WATTS = (100.0, 2000.0)
PRIORITIES = {
    Priority.LOW: 0.2,
    Priority.NORMAL: 0.5,
    Priority.HIGH: 0.2,
    Priority.CRITICAL: 0.1,
}
MAX_BANDS = {Band.VERY_LOW: 0.4, Band.LOW: 0.3, Band.MEDIUM: 0.2, Band.HIGH: 0.1}


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job of the day, in seconds of wall time since its beginning.

    Attributes:
        deadline_s: its latest finish.
    """

    submitted_s: float
    duration_s: float
    deadline_s: float
    power_watts: float
    priority: Priority
    max_band: Band

    def submission(self, day_began: datetime) -> JobSubmit:
        """The message that a user would publish."""
        return JobSubmit(
            type=JOB_TYPE,
            payload={"seconds": self.duration_s},
            priority=self.priority,
            max_band=self.max_band,
            deadline=day_began + timedelta(seconds=self.deadline_s),
            expected_duration_seconds=self.duration_s,
            power_watts=self.power_watts,
            interruptible=False,
        )


def day_of_jobs(hours: float, jobs: int, seed: int, speed: float) -> list[PlannedJob]:
    """Jobs by their submission; every deadline lies within the day.

    Args:
        hours: length of the day, more than the shortest deadline; virtual, as all the ranges are.
        jobs: how many.
        seed: the same seed gives the same jobs.
        speed: how much faster than that the wall clock passes.

    Raises:
        ValueError: the day is too short.
    """
    if hours <= DEADLINE_HOURS[0]:
        raise ValueError(f"hours: must be more than {DEADLINE_HOURS[0]:g} (given {hours:g})")
    rng = np.random.default_rng(seed)
    submitted = np.sort(rng.uniform(0.0, hours - DEADLINE_HOURS[0], jobs)) * HOUR_S
    duration = rng.uniform(*DURATION_MINUTES, jobs) * MINUTE_S
    deadline = np.minimum(submitted + rng.uniform(*DEADLINE_HOURS, jobs) * HOUR_S, hours * HOUR_S)
    power = rng.uniform(*POWER_WATTS, jobs)
    priority = rng.choice(list(PRIORITIES), jobs, p=list(PRIORITIES.values()))
    max_band = rng.choice(list(MAX_BANDS), jobs, p=list(MAX_BANDS.values()))
    return [
        PlannedJob(
            submitted_s=float(submitted[job]) / speed,
            duration_s=float(duration[job]) / speed,
            deadline_s=float(deadline[job]) / speed,
            power_watts=float(power[job]),
            priority=Priority(priority[job]),
            max_band=Band(max_band[job]),
        )
        for job in range(jobs)
    ]

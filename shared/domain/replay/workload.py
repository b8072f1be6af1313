"""The jobs of a replay, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from shared.domain.bands import Band
from shared.domain.jobs import Priority
from shared.domain.savings import JOULES_PER_KWH
from shared.domain.windows import Floats

Bools = npt.NDArray[np.bool_]

USUAL_POWER_WATTS = 1000.0
TOLERANCE_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of a log.

    Attributes:
        deadline_s: its latest finish.
        max_band: the dirtiest band that it runs in; None if it asks for the cleanest window.
    """

    submitted_s: float
    duration_s: float
    deadline_s: float
    power_watts: float = USUAL_POWER_WATTS
    priority: Priority = Priority.NORMAL
    max_band: Band | None = None
    interruptible: bool = False


@dataclass(frozen=True)
class Workload:
    """Jobs as columns of equal length; instants in Unix seconds."""

    submitted_s: Floats
    duration_s: Floats
    deadline_s: Floats
    power_watts: Floats
    priority: tuple[Priority, ...]
    max_band: tuple[Band | None, ...]
    interruptible: Bools

    @classmethod
    def of(cls, rows: Sequence[JobRow]) -> "Workload":
        """The columns of some rows."""
        return cls(
            submitted_s=np.array([row.submitted_s for row in rows], dtype=np.float64),
            duration_s=np.array([row.duration_s for row in rows], dtype=np.float64),
            deadline_s=np.array([row.deadline_s for row in rows], dtype=np.float64),
            power_watts=np.array([row.power_watts for row in rows], dtype=np.float64),
            priority=tuple(row.priority for row in rows),
            max_band=tuple(row.max_band for row in rows),
            interruptible=np.array([row.interruptible for row in rows], dtype=np.bool_),
        )

    @classmethod
    def uniform(cls, submitted_s: Floats, duration_s: float, slack_s: float) -> "Workload":
        """Alike jobs of 1 kW without band or priority, each to finish `slack_s` late at most."""
        count = len(submitted_s)
        return cls(
            submitted_s=submitted_s,
            duration_s=np.full(count, duration_s),
            deadline_s=submitted_s + duration_s + slack_s,
            power_watts=np.full(count, USUAL_POWER_WATTS),
            priority=(Priority.NORMAL,) * count,
            max_band=(None,) * count,
            interruptible=np.zeros(count, dtype=np.bool_),
        )

    def __len__(self) -> int:
        """The number of jobs."""
        return len(self.submitted_s)

    @cached_property
    def latest_start_s(self) -> Floats:
        """The last moments to start; the submission where a job is too late from the outset."""
        return np.maximum(self.deadline_s - self.duration_s, self.submitted_s)

    @cached_property
    def ends_s(self) -> float:
        """When the last of them has to be over."""
        return float(np.max(self.latest_start_s + self.duration_s, initial=0.0))

    def grams(self, intensity_seconds: Floats) -> Floats:
        """From an area under the intensity, in g/kWh x s, to the emissions of each job."""
        return intensity_seconds * self.power_watts / JOULES_PER_KWH

    def all_interruptible(self, yes: bool) -> "Workload":  # noqa: FBT001 - it says so itself
        """The same jobs, all of them to be paused at will, or none."""
        return replace(self, interruptible=np.full(len(self), yes))

    def without_wishes(self) -> "Workload":
        """The same jobs without priority or band: only where they are cleanest counts."""
        count = len(self)
        return replace(self, priority=(Priority.NORMAL,) * count, max_band=(None,) * count)

"""Recorded grids and job logs in virtual time: what each policy would have emitted."""

from shared.domain.replay.engine import Policy, PolicyResult, Replay
from shared.domain.replay.knowledge import BuiltIn, Foreseen, Issued, Knowledge, noisy
from shared.domain.replay.readings import Stretch, longest_stretch
from shared.domain.replay.schedule import Schedule
from shared.domain.replay.workload import USUAL_POWER_WATTS, JobRow, Workload

__all__ = [
    "USUAL_POWER_WATTS",
    "BuiltIn",
    "Foreseen",
    "Issued",
    "JobRow",
    "Knowledge",
    "Policy",
    "PolicyResult",
    "Replay",
    "Schedule",
    "Stretch",
    "Workload",
    "longest_stretch",
    "noisy",
]

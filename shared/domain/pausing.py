"""Whether the rest of an interruptible job that runs had better wait for a cleaner grid."""

from datetime import datetime

import numpy as np

from shared.domain.bands import Band
from shared.domain.grid import Curve, Grid
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Wheel
from shared.domain.windows import Floats, slot_is_among_cheapest


def rest_should_wait(
    job: Job,
    remaining_seconds: float,
    now: datetime,
    grid: Grid,
    wheel_slot_seconds: float,
    share: float,
    g_per_kwh: float,
) -> bool:
    """True where the band is worse than the job accepts and its rest finds cleaner slots in time.

    The slots between the next one and the deadline that are cleaner than now by the margin must
    hold all of the rest; then the cheapest set that adds up to it leaves the present slot out
    (`windows.slot_is_among_cheapest`), and the latest start of the rest is not reached. What the
    forecast does not reach does not count, so a job is never stopped for a hope.

    Args:
        job: what runs; critical jobs and those that are not interruptible run on.
        remaining_seconds: how much longer it is expected to run. A job that has outrun its
            expectation (0 or less) is not stopped: nobody knows how little is left.
        now: the present moment.
        grid: as it is known now; an unknown one stops nothing, nor does one without a forecast.
        wheel_slot_seconds: the length of the slots that the rest can be sent to.
        share: how much cleaner, as a share of the intensity now, a slot must be to count.
        g_per_kwh: the same, as an absolute difference; the larger of the two holds.
    """
    if not _may_be_stopped(job, remaining_seconds, grid.band):
        return False
    now_s, deadline_s = now.timestamp(), job.deadline.timestamp()
    intensity = _intensity_now(grid, now_s)
    wheel = Wheel(wheel_slot_seconds, 1)
    if grid.curve is None or intensity is None:
        return False
    first, end = wheel.slot_at(now_s) + 1, wheel.slot_at(deadline_s)
    later = _slot_means(grid.curve, wheel, first, end)
    bar = intensity - max(g_per_kwh, share * abs(intensity))
    return not slot_is_among_cheapest(later, bar, wheel_slot_seconds, remaining_seconds)


def _may_be_stopped(job: Job, remaining_seconds: float, band: Band) -> bool:
    if not job.interruptible or job.priority is Priority.CRITICAL or remaining_seconds <= 0:
        return False
    return band is not Band.UNKNOWN and band.rank > job.accepts().rank


def _intensity_now(grid: Grid, now_s: float) -> float | None:
    """The forecast's own value where it has one: it is compared with others of the same curve."""
    expected = grid.curve.at(now_s) if grid.curve else None
    return grid.intensity_g_per_kwh if expected is None else expected


def _slot_means(curve: Curve, wheel: Wheel, first: int, end: int) -> Floats:
    """The expected means of the whole slots `first` to `end - 1`, as far as the curve reaches."""
    means = []
    for slot in range(first, end):
        mean = curve.mean(wheel.start_s(slot), wheel.slot_seconds)
        if mean is None:
            break
        means.append(mean)
    return np.asarray(means, dtype=np.float64)

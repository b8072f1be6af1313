"""Energy x intensity: what a job emitted, and what it would have emitted at its submission.

The avoided emissions are counterfactual minus actual energy times the intensity of the hour,
WattTime's own formula for shifted load; the software carbon intensity is the Green Software
Foundation's SCI = (E x I + M) / R.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

REFERENCE_G_PER_KWH = 450.0
JOULES_PER_KWH = 3_600_000.0
CARRY_PERIODS = 12.0
"""How many of its periods a point is carried on where the ones after it are missing."""


class EnergyMethod(StrEnum):
    """How a job's energy is known, most trustworthy first."""

    MEASURED = "measured"
    MODELLED = "modelled"
    DECLARED = "declared"


class IntensityMethod(StrEnum):
    """How the intensities behind a figure are known, most trustworthy first."""

    OBSERVED = "observed"
    FORECAST = "forecast"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Point:
    """An observed intensity in g/kWh, held from `at_s` for `period_s` (Unix seconds)."""

    at_s: float
    period_s: float
    intensity_g_per_kwh: float


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean intensity over a window, and the weakest way in which a part of it is known."""

    intensity_g_per_kwh: float
    method: IntensityMethod


@dataclass(frozen=True, slots=True)
class Run:
    """What one piece of work used, and when (Unix seconds)."""

    started_s: float
    finished_s: float
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Savings:
    """The account of a finished job; None where the grid was unknown.

    Attributes:
        emissions_g: slot by slot over the time that it really ran.
        baseline_g: the same energy and duration, run at submission.
        reference_g: the same energy at a fixed 450 g/kWh, a labelled line and never the claim.
    """

    energy_kwh: float
    emissions_g: float | None
    baseline_g: float | None
    reference_g: float
    method: IntensityMethod | None

    @property
    def avoided_g(self) -> float | None:
        """Baseline less emissions; negative where waiting made it worse."""
        if self.baseline_g is None or self.emissions_g is None:
            return None
        return self.baseline_g - self.emissions_g


def energy_kwh(power_watts: float, seconds: float) -> float:
    """Energy of a constant power over a time."""
    return power_watts * seconds / JOULES_PER_KWH


def mean_intensity(
    points: Sequence[Point], start_s: float, end_s: float, *, carry_periods: float = CARRY_PERIODS
) -> Mean | None:
    """Integrate observed points over a window, each weighted by the time that it covers.

    Where points are missing the last one is carried on, for at most `carry_periods` of its
    periods; beyond that the answer is None: unknown stays unknown.

    Args:
        points: ordered by time.
        start_s: start of the window.
        end_s: its end; the intensity at an instant where it is not after the start.
        carry_periods: how far a point may be carried.
    """
    total, at_s, method = 0.0, start_s, IntensityMethod.OBSERVED
    position = bisect_right(points, start_s, key=lambda point: point.at_s) - 1
    if position < 0:
        return None
    while True:
        point = points[position]
        following = points[position + 1].at_s if position + 1 < len(points) else float("inf")
        until_s = min(end_s, following)
        if until_s > point.at_s + point.period_s * (1 + carry_periods):
            return None
        if until_s > point.at_s + point.period_s + 1e-6:
            method = IntensityMethod.CARRIED
        if end_s <= start_s:
            return Mean(point.intensity_g_per_kwh, method)
        total += point.intensity_g_per_kwh * (until_s - at_s)
        if until_s >= end_s:
            return Mean(total / (end_s - start_s), method)
        at_s, position = until_s, position + 1


def account(
    runs: Sequence[Run], submitted_s: float, points: Sequence[Point], *, wasted: Sequence[Run] = ()
) -> Savings:
    """The account of one finished job.

    Args:
        runs: the pieces that did the work, without the pauses between them; none of a job that
            never succeeded, which has no baseline.
        submitted_s: when the job was submitted, where the baseline runs.
        points: observed intensities of the region, ordered, from before the submission on.
        wasted: attempts that failed; their energy and emissions count, the baseline has none.
    """
    useful_kwh = sum(run.energy_kwh for run in runs)
    seconds = sum(run.finished_s - run.started_s for run in runs)
    means = [mean_intensity(points, run.started_s, run.finished_s) for run in (*runs, *wasted)]
    # Without work there is no baseline, and what the grid was at the submission says nothing.
    at_submission = mean_intensity(points, submitted_s, submitted_s + seconds) if runs else None
    emissions = 0.0
    for run, mean in zip((*runs, *wasted), means, strict=True):
        if mean is not None:
            emissions += run.energy_kwh * mean.intensity_g_per_kwh
    known = all(mean is not None for mean in means)
    methods = [mean.method for mean in (*means, at_submission) if mean is not None]
    total_kwh = useful_kwh + sum(run.energy_kwh for run in wasted)
    return Savings(
        energy_kwh=total_kwh,
        emissions_g=emissions if known else None,
        baseline_g=useful_kwh * at_submission.intensity_g_per_kwh if at_submission else None,
        reference_g=reference_g(total_kwh),
        method=max(methods, key=list(IntensityMethod).index) if known and methods else None,
    )


def reference_g(energy: float, reference_g_per_kwh: float = REFERENCE_G_PER_KWH) -> float:
    """Emissions at a fixed intensity: one country's average of a past year."""
    return energy * reference_g_per_kwh


def sci_g_per_job(energy: float, intensity_g_per_kwh: float, embodied_g: float, jobs: int) -> float:
    """Software carbon intensity (E x I + M) / R with R = jobs (GSF SCI 1.1)."""
    return (energy * intensity_g_per_kwh + embodied_g) / jobs

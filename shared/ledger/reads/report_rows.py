"""What a report holds: rows of figures with their units, kind by kind."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.grid import Signal

Kind = tuple[Signal | None, bool | None]
"""A signal, and whether it is simulated; None, None where the grid was unknown."""


class GroupBy(StrEnum):
    """What the rows of a report are: the day is the UTC day on which a job ended."""

    TYPE = "type"
    REGION = "region"
    DAY = "day"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Figures of the jobs of one kind and group that ran and came to an end.

    Grams, `energy_kwh` and `wasted_kwh` are sums over the `known_jobs` alone, and None where
    there are none; waits and deadlines are of all jobs.

    Attributes:
        jobs: how many ended, whether they succeeded or not.
        unknown_jobs: those among them without a whole account.
        energy_kwh: what the known jobs used, including what came to nothing.
        baseline_g: the work's energy, run at submission.
        avoided_g: `baseline_g - emissions_g`, signed.
        avoided_percent: of the baseline; None where that is 0 or unknown.
        reference_g: `energy_kwh` at a fixed 450 g/kWh; a label, not a baseline.
        promised_jobs: known jobs whose first decision expected a saving in grams.
        promised_g: what those decisions expected.
        realised_g: what the same jobs avoided.
        sci_operational_g_per_job: `emissions_g / known_jobs`, E x I / R of the Software Carbon
            Intensity (Green Software Foundation, ISO/IEC 21031) with R = jobs.
        mean_wait_seconds: from submission to the first start.
        p95_wait_seconds: the shortest wait that 95 % of the waits do not exceed.
        missed_deadlines: jobs that ended after their deadline.
        emissions_without_baseline_g: of unknown jobs whose emissions alone are known.
        unknown_jobs_energy_kwh: of unknown jobs whose energy alone is known.
    """

    group: str
    jobs: int
    succeeded_jobs: int
    known_jobs: int
    unknown_jobs: int
    energy_kwh: float | None
    wasted_kwh: float | None
    emissions_g: float | None
    baseline_g: float | None
    avoided_g: float | None
    avoided_percent: float | None
    reference_g: float | None
    promised_jobs: int
    promised_g: float | None
    realised_g: float | None
    sci_operational_g_per_job: float | None
    mean_wait_seconds: float | None
    p95_wait_seconds: float | None
    missed_deadlines: int
    energy_measured_jobs: int
    energy_modelled_jobs: int
    energy_declared_jobs: int
    intensity_observed_jobs: int
    intensity_forecast_jobs: int
    intensity_carried_jobs: int
    emissions_without_baseline_g: float | None
    unknown_jobs_energy_kwh: float | None


@dataclass(frozen=True, slots=True)
class KindReport:
    """The rows of one kind, and their total; `signal` None holds jobs on an unknown grid."""

    signal: Signal | None
    simulated: bool | None
    rows: tuple[ReportRow, ...]
    total: ReportRow


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Running sums of one kind's known jobs, up to an instant."""

    at: datetime
    emissions_g: float
    baseline_g: float
    reference_g: float

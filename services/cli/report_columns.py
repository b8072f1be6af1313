"""The columns of a report's tables, as people read them: carbon, audit and service."""

from collections.abc import Callable, Sequence

from services.cli.report_data import Report
from services.cli.words import UNKNOWN, counted, duration, energy, grams, percent_of
from shared.domain.savings import REFERENCE_G_PER_KWH
from shared.ledger.reads.report_rows import ReportRow

Column = tuple[str, Callable[[ReportRow], str]]
"""A title, and the words for a row."""
AVOIDED = "avoided"
REFERENCE = f"{REFERENCE_G_PER_KWH:.0f} g/kWh line"
NOTHING = "-"
"""There is nothing to compare with, which is not the same as an unknown figure."""


def carbon_columns() -> Sequence[Column]:
    """Energy and grams; what they leave out is counted as unknown."""
    return (
        ("jobs", lambda row: f"{row.jobs:,}"),
        ("unknown", lambda row: f"{row.unknown_jobs:,}"),
        ("energy", lambda row: energy(row.energy_kwh)),
        ("emitted", lambda row: grams(row.emissions_g)),
        ("at submission", lambda row: grams(row.baseline_g)),
        (AVOIDED, lambda row: grams(row.avoided_g, signed=True)),
        ("avoided %", lambda row: percent_of(row.avoided_g, row.baseline_g) or NOTHING),
    )


def audit_columns(report: Report) -> Sequence[Column]:
    """What was promised, the intensity of a job, and how the energy is known."""
    embodied = grams(report.embodied_g_per_job)
    return (
        (REFERENCE, lambda row: grams(row.reference_g)),
        ("promised", lambda row: expected(row, row.promised_g)),
        ("realised", lambda row: expected(row, row.realised_g)),
        (f"SCI a job (embodied {embodied})", lambda row: grams(report.sci_g_per_job(row))),
        ("measured/ modelled/ declared", energy_methods),
    )


def service_columns() -> Sequence[Column]:
    """What waiting meant."""
    return (
        ("succeeded", lambda row: f"{row.succeeded_jobs:,}"),
        ("mean wait", lambda row: wait(row.mean_wait_seconds)),
        ("p95 wait", lambda row: wait(row.p95_wait_seconds)),
        ("late", lambda row: f"{row.missed_deadlines:,}"),
    )


def energy_methods(row: ReportRow) -> str:
    """For how many jobs the energy was measured, modelled and declared."""
    counts = (row.energy_measured_jobs, row.energy_modelled_jobs, row.energy_declared_jobs)
    return "/".join(f"{count:,}" for count in counts)


def expected(row: ReportRow, value_g: float | None) -> str:
    """Promised or realised grams; a dash where no decision promised anything."""
    return grams(value_g, signed=True) if row.promised_jobs else NOTHING


def wait(seconds: float | None) -> str:
    """A wait in words."""
    return UNKNOWN if seconds is None else duration(seconds)


def left_out(row: ReportRow) -> str | None:
    """What is known of jobs whose account is not whole; None where there are no such jobs."""
    if not row.unknown_jobs:
        return None
    parts = [f"in no sum: {counted(row.unknown_jobs, 'job')} without a whole account"]
    if row.unknown_jobs_energy_kwh is not None:
        parts.append(f"energy {energy(row.unknown_jobs_energy_kwh)} as far as known")
    if row.emissions_without_baseline_g is not None:
        parts.append(f"emitted {grams(row.emissions_without_baseline_g)} without a baseline")
    return ", ".join(parts)

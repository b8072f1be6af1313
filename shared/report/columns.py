"""The columns of a report's tables, as people read them: carbon, audit and service."""

from collections.abc import Callable, Sequence

from shared.domain.savings import REFERENCE_G_PER_KWH
from shared.ledger.reads.report_rows import KindReport, ReportRow
from shared.report.data import Figures
from shared.report.words import UNKNOWN, counted, duration, energy, grams, percent_of

Column = tuple[str, Callable[[Figures], str]]
"""A title, and the words for a row."""
AVOIDED = "avoided"
REFERENCE = f"{REFERENCE_G_PER_KWH:.0f} g/kWh line"
NOTHING = "-"
"""There is nothing to compare with, which is not the same as an unknown figure."""
_JOBS: Column = ("jobs", lambda all_: f"{all_.row.jobs:,}")


def tables_of(kind: KindReport) -> Sequence[Sequence[Column]]:
    """The tables, one after the other; where no account is known, a single one without grams."""
    if not kind.total.known_jobs:
        return ((_JOBS, *_service_columns()),)
    return (_carbon_columns(), _audit_columns(), _service_columns())


def _carbon_columns() -> Sequence[Column]:
    """Energy and grams; what they leave out is counted as unknown."""
    return (
        _JOBS,
        ("unknown", lambda all_: f"{all_.row.unknown_jobs:,}"),
        ("energy", lambda all_: energy(all_.row.energy_kwh)),
        ("emitted", lambda all_: grams(all_.row.emissions_g)),
        ("at submission", lambda all_: grams(all_.row.baseline_g)),
        (AVOIDED, lambda all_: grams(all_.row.avoided_g, signed=True)),
        ("avoided %", lambda all_: percent_of(all_.row.avoided_g, all_.row.baseline_g) or NOTHING),
        ("possible", possible),
        ("% of possible", share_of_possible),
    )


def _audit_columns() -> Sequence[Column]:
    """What was promised, the intensity of a job, and how the energy is known."""
    return (
        (REFERENCE, lambda all_: grams(all_.row.reference_g)),
        ("promised", lambda all_: expected(all_.row, all_.row.promised_g)),
        ("realised", lambda all_: expected(all_.row, all_.row.realised_g)),
        ("operational a job", lambda all_: grams(all_.row.sci_operational_g_per_job)),
        ("embodied a job", lambda all_: grams(all_.sci_embodied_g_per_job)),
        ("SCI a job", lambda all_: grams(all_.sci_g_per_job)),
        ("measured/ modelled/ declared", lambda all_: energy_methods(all_.row)),
    )


def _service_columns() -> Sequence[Column]:
    """What waiting meant."""
    return (
        ("succeeded", lambda all_: f"{all_.row.succeeded_jobs:,}"),
        ("mean wait", lambda all_: wait(all_.row.mean_wait_seconds)),
        ("p95 wait", lambda all_: wait(all_.row.p95_wait_seconds)),
        ("late", lambda all_: f"{all_.row.missed_deadlines:,}"),
    )


def energy_methods(row: ReportRow) -> str:
    """For how many jobs the energy was measured, modelled and declared."""
    counts = (row.energy_measured_jobs, row.energy_modelled_jobs, row.energy_declared_jobs)
    return "/".join(f"{count:,}" for count in counts)


def expected(row: ReportRow, value_g: float | None) -> str:
    """Promised or realised grams; a dash where no decision promised anything."""
    return grams(value_g, signed=True) if row.promised_jobs else NOTHING


def possible(figures: Figures) -> str:
    """What could have been avoided at best."""
    return UNKNOWN if figures.back is None else grams(figures.back.optimum_avoided_g, signed=True)


def share_of_possible(figures: Figures) -> str:
    """How much of that was; a dash where there was nothing to gain."""
    if figures.back is None or figures.back.optimum_avoided_g is None:
        return UNKNOWN
    share = figures.back.share_of_optimum_percent
    return NOTHING if share is None else f"{share:.1f} %"


def wait(seconds: float | None) -> str:
    """A wait in words."""
    return UNKNOWN if seconds is None else duration(seconds)


def remarks(total: Figures) -> list[str]:
    """What the tables of a kind leave out, a line for each."""
    lines = [_left_out(total.row), _without_optimum(total), _without_embodied(total)]
    return [line for line in lines if line is not None]


def _left_out(row: ReportRow) -> str | None:
    """What is known of jobs whose account is not whole."""
    if not row.unknown_jobs:
        return None
    parts = [f"in no sum: {counted(row.unknown_jobs, 'job')} without a whole account"]
    if row.unknown_jobs_energy_kwh is not None:
        parts.append(f"energy {energy(row.unknown_jobs_energy_kwh)} as far as known")
    if row.emissions_without_baseline_g is not None:
        parts.append(f"emitted {grams(row.emissions_without_baseline_g)} without a baseline")
    return ", ".join(parts)


def _without_optimum(total: Figures) -> str | None:
    why = total.optimum_unknown_reason
    if why is None:
        return None
    is_quick = total.back is None
    return f"what was possible is {'' if is_quick else 'not known of '}{why}"


def _without_embodied(total: Figures) -> str | None:
    if total.back is None or not total.row.known_jobs or total.sci_g_per_job is not None:
        return None
    if total.pruned_jobs:
        return f"no SCI: how long {counted(total.pruned_jobs, 'pruned job')} ran is not known"
    return "no SCI without the embodied share: set EMBODIED_KG_PER_SERVER"

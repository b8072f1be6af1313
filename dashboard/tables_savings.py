"""The table of the page Savings; pure."""

import pandas as pd

from dashboard import units
from shared.ledger.reads.report_rows import GroupBy, KindReport, ReportRow

SHOWN_DIGITS = 2
GROUP_WORDS = {
    GroupBy.TYPE: "Job type",
    GroupBy.REGION: "Grid region",
    GroupBy.DAY: "Day (UTC)",
    GroupBy.PRIORITY: "Priority",
}


def groups(kind: KindReport, by: GroupBy) -> pd.DataFrame:
    """One row for each group and one for all of them; the units are those of the largest figure."""
    total = (kind.total,) if len(kind.rows) > 1 else ()
    rows = (*kind.rows, *total)
    grams = units.mass(row.baseline_g for row in rows)
    energy = units.energy(row.energy_kwh for row in rows)
    wait = units.time(row.p95_wait_seconds for row in rows)
    return pd.DataFrame([_row(row, by, grams, energy, wait) for row in rows])


def _row(
    row: ReportRow, by: GroupBy, grams: units.Unit, energy: units.Unit, wait: units.Unit
) -> dict[str, object]:
    methods = (
        (row.energy_measured_jobs, "measured"),
        (row.energy_modelled_jobs, "modelled"),
        (row.energy_declared_jobs, "declared"),
    )
    told = [f"{jobs:,} {how}" for jobs, how in methods if jobs]
    return {
        GROUP_WORDS[by]: "all" if row.group == "total" else row.group,
        "Jobs": row.jobs,
        "Unknown": row.unknown_jobs,
        f"Energy, {energy.name}": _rounded(energy.of(row.energy_kwh)),
        f"Emitted, {grams.name}": _rounded(grams.of(row.emissions_g)),
        f"At submission, {grams.name}": _rounded(grams.of(row.baseline_g)),
        f"Avoided, {grams.name}": _rounded(grams.of(row.avoided_g)),
        "Avoided, %": _rounded(row.avoided_percent),
        f"Promised, {grams.name}": _rounded(grams.of(row.promised_g)),
        f"Realised, {grams.name}": _rounded(grams.of(row.realised_g)),
        f"Mean wait, {wait.name}": _rounded(wait.of(row.mean_wait_seconds)),
        f"95 % within, {wait.name}": _rounded(wait.of(row.p95_wait_seconds)),
        "Late": row.missed_deadlines,
        "Energy is": ", ".join(told) or "unknown",
    }


def _rounded(value: float | None) -> float | None:
    """As the table shows it, without the sign that rounding leaves on a zero."""
    return None if value is None else round(value, SHOWN_DIGITS) + 0.0

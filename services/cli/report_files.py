"""A report as CSV and JSON: every column name carries its unit, an unknown figure is empty."""

import csv
import io
from dataclasses import asdict, fields
from typing import Any

from services.cli.report_data import Report
from shared.ledger.reads.report_rows import KindReport, ReportRow

_KIND = ("signal", "simulated")
_SCI = ("sci_embodied_g_per_job", "sci_g_per_job")


def json_value(report: Report) -> dict[str, Any]:
    """One object: the time it is about, what was revised in it, and each kind's rows and total."""
    return {
        "since": report.since,
        "until": report.until,
        "by": report.by,
        "never_ran_jobs": report.never_ran_jobs,
        "revised": [asdict(sums) for sums in report.revised],
        "kinds": [
            {
                "signal": kind.signal,
                "simulated": kind.simulated,
                "rows": [_figures(report, row) for row in kind.rows],
                "total": _figures(report, kind.total),
            }
            for kind in report.kinds
        ],
    }


def csv_text(report: Report) -> str:
    """A line for each kind and group; no totals, so that a column may be summed by kind."""
    out = io.StringIO()
    names = [*_KIND, report.by.value, *(f.name for f in fields(ReportRow)[1:]), *_SCI]
    lines = csv.DictWriter(out, names, lineterminator="\n")
    lines.writeheader()
    for kind in report.kinds:
        lines.writerows(_line(report, kind, row) for row in kind.rows)
    return out.getvalue()


def _figures(report: Report, row: ReportRow) -> dict[str, Any]:
    named = {report.by.value: row.group} | asdict(row)
    del named["group"]
    return named | {
        "sci_embodied_g_per_job": report.embodied_g_per_job,
        "sci_g_per_job": report.sci_g_per_job(row),
    }


def _line(report: Report, kind: KindReport, row: ReportRow) -> dict[str, Any]:
    simulated = None if kind.simulated is None else str(kind.simulated).lower()
    signal = kind.signal.value if kind.signal else None
    return {"signal": signal, "simulated": simulated} | _figures(report, row)

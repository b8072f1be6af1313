"""A report for other programs: every column name carries its unit, the same in every format."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from shared.errors import ConfigurationError
from shared.ledger.reads.report_rows import KindReport
from shared.report.data import FIGURES, Figures, Report, named

KIND = ("signal", "simulated")
TEXTS = frozenset({"signal", "optimum_unknown_reason"})
_COUNTS = ("jobs", "missed_deadlines")


def json_value(report: Report) -> dict[str, Any]:
    """One object: the time it is about, what is gone and what was revised in it, and the kinds."""
    return {
        "since": report.asked.since,
        "until": report.asked.until,
        "by": report.asked.by,
        "never_ran_jobs": report.never_ran_jobs,
        "pruned_before": report.pruned.before,
        "uncounted": [asdict(missing) for missing in report.pruned.uncounted],
        "revised": [asdict(sums) for sums in report.revised],
        "kinds": [
            {
                "signal": kind.signal,
                "simulated": kind.simulated,
                "rows": [_figures(report, figures) for figures in report.rows(kind)],
                "total": _figures(report, report.total(kind)),
            }
            for kind in report.kinds
        ],
    }


def csv_text(report: Report) -> str:
    """A line for each kind and group; no totals, so that a column may be summed by kind."""
    out = io.StringIO()
    lines = csv.DictWriter(out, columns(report), lineterminator="\n")
    lines.writeheader()
    for line in _lines(report):
        simulated = line["simulated"]
        lines.writerow(line | {"simulated": None if simulated is None else str(simulated).lower()})
    return out.getvalue()


def parquet_bytes(report: Report) -> bytes:
    """The same lines as a Parquet file, typed: whole counts, figures, texts and one yes or no.

    Raises:
        ConfigurationError: the library that writes Parquet is not installed.
    """
    parquet, arrow = _library()
    schema = arrow.schema([(name, _type(arrow, report, name)) for name in columns(report)])
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(list(_lines(report)), schema=schema), out)
    return out.getvalue()


def check_parquet() -> None:
    """Say before anything is read that Parquet cannot be written.

    Raises:
        ConfigurationError: the library is not installed.
    """
    _library()


def columns(report: Report) -> list[str]:
    """The names of the columns: the kind, the group, the figures."""
    return [*KIND, report.asked.by.value, *FIGURES]


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to load
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "Parquet needs pyarrow; install it: pip install 'carbon-aware-jobs[parquet]'"
        ) from None
    return parquet, pa


def _type(arrow: Any, report: Report, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    if name == "simulated":
        return arrow.bool_()
    if name in TEXTS or name == report.asked.by.value:
        return arrow.string()
    return arrow.int64() if name.endswith("_jobs") or name in _COUNTS else arrow.float64()


def _lines(report: Report) -> Iterator[dict[str, Any]]:
    for kind in report.kinds:
        for figures in report.rows(kind):
            yield _kind(kind) | _figures(report, figures)


def _kind(kind: KindReport) -> dict[str, Any]:
    return {"signal": kind.signal.value if kind.signal else None, "simulated": kind.simulated}


def _figures(report: Report, figures: Figures) -> dict[str, Any]:
    return {report.asked.by.value: figures.row.group} | named(figures)

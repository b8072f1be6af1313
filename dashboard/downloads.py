"""The figures of a report as files: the rows of `carbon-aware report`, with units in the names."""

import io
from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from shared.ledger.reads.report_rows import GroupBy, KindReport, ReportRow


def rows(kinds: Sequence[KindReport], by: GroupBy) -> pd.DataFrame:
    """One row for each kind and group, no totals; what is unknown is missing."""
    names = ["signal", "simulated", by.value, *(field.name for field in fields(ReportRow)[1:])]
    figures = []
    for kind in kinds:
        about = {
            "signal": kind.signal.value if kind.signal else None,
            "simulated": kind.simulated,
        }
        for row in kind.rows:
            told = asdict(row)
            figures.append({**about, by.value: told.pop("group"), **told})
    return pd.DataFrame(figures, columns=names).astype({"simulated": "boolean"})


def csv(kinds: Sequence[KindReport], by: GroupBy) -> bytes:
    """As CSV; an unknown figure is empty."""
    table = rows(kinds, by)
    table["simulated"] = table["simulated"].map({True: "true", False: "false"})
    return table.to_csv(index=False, lineterminator="\n").encode()


def parquet(kinds: Sequence[KindReport], by: GroupBy) -> bytes:
    """As Parquet."""
    out = io.BytesIO()
    rows(kinds, by).to_parquet(out, index=False)
    return out.getvalue()

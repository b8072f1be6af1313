"""The files of the page Savings: what `carbon-aware report` writes."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.report.data import Report
from shared.report.page import page
from shared.report.rows import csv_text, parquet_bytes


@dataclass(frozen=True, slots=True)
class File:
    """A way of writing a report.

    Attributes:
        make: its bytes.
        mime: its media type.
    """

    label: str
    ending: str
    mime: str
    make: Callable[[Report], bytes]

    def of(self, report: Callable[[], Report]) -> Callable[[], bytes]:
        """What makes the file when it is asked for, and reads its report no sooner."""
        return lambda: self.make(report())


FILES = (
    File("CSV", "csv", "text/csv", lambda report: csv_text(report).encode()),
    File("Parquet", "parquet", "application/vnd.apache.parquet", parquet_bytes),
    File("HTML", "html", "text/html", lambda report: page(report).encode()),
)

"""The dashboard in numbers, for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Histogram

PAGE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""In seconds: from the cache a page takes a tenth, from a busy ledger some seconds."""


class PageMetrics:
    """Measures how long pages take.

    Attributes:
        registry: what /metrics gives.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the histogram."""
        self.registry = registry
        self._duration = Histogram(
            "carbonq_dashboard_page_duration_seconds",
            "Time to draw a whole page, not its parts that are drawn again later",
            ("page",),
            buckets=PAGE_BUCKETS,
            registry=registry,
        )

    @contextmanager
    def drawing(self, page: str) -> Iterator[None]:
        """Time the block."""
        with self._duration.labels(page).time():
            yield


@cache
def page_metrics() -> PageMetrics:
    """The one of this process: every visitor's pages count into it."""
    return PageMetrics(CollectorRegistry())

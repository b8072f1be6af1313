"""Numbers that more than one service has for Prometheus: publishes, jobs by state, the broker.

Names are `carbonq_...` in base units; counters end in `_total`; nothing is labelled by job.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.domain.jobs import State

MOST_TYPES = 100
OTHER_TYPE = "other"
"""What further job types count as: anybody may submit any type, and each makes a time series."""
CONFIRM_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
"""In seconds: a good confirm takes milliseconds, and after 120 s a publish is given up."""


class TypeLabels:
    """Job types as label values, bounded in number."""

    def __init__(self) -> None:
        """Know none."""
        self._known: set[str] = set()

    def of(self, job_type: str) -> str:
        """The label of a type: itself, or `other` once there are too many."""
        if job_type not in self._known and len(self._known) >= MOST_TYPES:
            return OTHER_TYPE
        self._known.add(job_type)
        return job_type


class JobMetrics:
    """Counts how often jobs entered each state; summed over the services."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the counter."""
        self.types = TypeLabels()
        self._jobs = Counter(
            "carbonq_jobs",
            "Times that jobs entered a state",
            ("type", "state"),
            registry=registry,
        )

    def entered(self, job_type: str, state: State) -> None:
        """Count a job that is now in a state."""
        self._jobs.labels(self.types.of(job_type), state.value).inc()


class PublishMetrics:
    """Counts what the broker confirmed to one publisher and what it did not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric."""
        self._confirms = Counter(
            "carbonq_publish_confirms", "Messages that the broker confirmed", registry=registry
        )
        self._failures = Counter(
            "carbonq_publish_failures", "Messages that were given up", registry=registry
        )
        self._duration = Histogram(
            "carbonq_publish_confirm_duration_seconds",
            "Time until a message was confirmed, tries again included",
            buckets=CONFIRM_BUCKETS,
            registry=registry,
        )
        self._blocked = Gauge(
            "carbonq_publisher_blocked",
            "1 while the broker takes nothing, for want of memory or disk",
            registry=registry,
        )

    def watch(self, is_blocked: Callable[[], bool]) -> None:
        """Ask at every scrape whether the broker has blocked the publisher."""
        self._blocked.set_function(lambda: float(is_blocked()))

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Time the block, and count it as a confirm or, where it raises, as a failure."""
        try:
            with self._duration.time():
                yield
        except BaseException:
            self._failures.inc()
            raise
        self._confirms.inc()


def watch_broker(registry: CollectorRegistry, problems: Callable[[], Mapping[str, str]]) -> None:
    """Show at every scrape whether a service has its broker.

    Args:
        registry: of the service.
        problems: what keeps it from the broker; empty while it is connected.
    """
    connected = Gauge(
        "carbonq_broker_connected",
        "1 while the service consumes from the broker",
        registry=registry,
    )
    connected.set_function(lambda: float(not problems()))

"""What Prometheus may ask of the ledger: how far behind it is, and what was emitted and avoided."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from shared.ledger.reads.totals import Totals

BATCH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""In seconds: a batch of 500 events takes tens of milliseconds on an idle machine."""
Kind = tuple[str, str]
"""Signal and whether simulated, as label values: sums never mix them."""


class LedgerMetrics:
    """Counts events and times batches; the emissions are those of the database."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register every metric; without a registry nobody asks for them."""
        registry = registry or CollectorRegistry()
        self._events = Counter(
            "carbonq_ledger_events",
            "Events by what became of them",
            ("outcome",),
            registry=registry,
        )
        self._batch = Histogram(
            "carbonq_ledger_batch_duration_seconds",
            "Time of one transaction",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "carbonq_ledger_lag_seconds",
            "Age of the oldest event of the last batch when it was committed",
            registry=registry,
        )
        self._last_write = Gauge(
            "carbonq_ledger_last_write_timestamp_seconds",
            "When a batch was last committed",
            registry=registry,
        )
        self._sums = _Sums()
        registry.register(self._sums)

    def wrote(
        self,
        recorded: int,
        set_aside: int,
        seconds: float,
        oldest: datetime | None,
        now: datetime,
    ) -> None:
        """A batch was committed.

        Args:
            recorded: its events.
            set_aside: those that can never be written.
            seconds: the time of its transaction.
            oldest: when the first of them happened; None where no event says so.
            now: the time of the commit.
        """
        self._events.labels("recorded").inc(recorded)
        self._events.labels("set_aside").inc(set_aside)
        self._batch.observe(seconds)
        self._last_write.set(now.timestamp())
        if oldest is not None:
            self._lag.set(max(0.0, (now - oldest).total_seconds()))

    def summed(self, totals: Sequence[Totals]) -> None:
        """The database was asked for its sums."""
        self._sums.take(totals)


class _Sums(Collector):
    """Sums of the database as counters.

    Avoided emissions have a sign and may fall; two sums that only grow, what was avoided and what
    was added, keep both. A prune or a revision lowers a sum: its counter then stands still, for
    Prometheus takes every fall for a restart, and from there it grows again as the sum does.
    """

    def __init__(self) -> None:
        self._grams: dict[str, dict[Kind, float]] = {name: {} for name in _MEANINGS}
        self._last: dict[str, dict[Kind, float]] = {name: {} for name in _MEANINGS}

    def take(self, totals: Iterable[Totals]) -> None:
        """Let the counters grow by what the sums have grown by since the last time."""
        sums: dict[str, dict[Kind, float]] = {name: {} for name in _MEANINGS}
        for each in totals:
            kind = (each.signal.value, str(each.simulated).lower())
            three = (each.emissions_g, each.avoided_g, each.added_g)
            for name, total_g in zip(_MEANINGS, three, strict=True):
                sums[name][kind] = total_g
                grown_g = max(0.0, total_g - self._last[name].get(kind, 0.0))
                self._grams[name][kind] = self._grams[name].get(kind, 0.0) + grown_g
        self._last = sums  # of a kind that is in none of them nothing is left

    def collect(self) -> Iterator[CounterMetricFamily]:
        """All counters."""
        for name, meaning in _MEANINGS.items():
            family = CounterMetricFamily(name, meaning, labels=("signal", "simulated"))
            for kind, total in self._grams[name].items():
                family.add_metric(kind, total)
            yield family


_MEANINGS = {
    "carbonq_emissions_grams": "Emissions of finished jobs",
    "carbonq_emissions_avoided_grams": "Emissions that jobs avoided, of those that avoided some",
    "carbonq_emissions_added_grams": "Emissions that jobs added, of those that ran dirtier",
}

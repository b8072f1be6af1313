"""The emulator's numbers, for Prometheus."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class RequestMetrics(Collector):
    """Shows the tally of answered requests as it stands."""

    def __init__(self, tally: Mapping[tuple[str, int, str], int]) -> None:
        """Take the tally: requests by path, status and user."""
        self._tally = tally

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts, summed over users, for anybody may try any name."""
        requests = CounterMetricFamily(
            "carbonq_emulator_requests", "Requests that were answered", labels=("path", "status")
        )
        sums: Counter[tuple[str, int]] = Counter()
        for (path, status, _user), count in self._tally.items():
            sums[path, status] += count
        for (path, status), count in sums.items():
            requests.add_metric((path, str(status)), count)
        yield requests


def registry_of(tally: Mapping[tuple[str, int, str], int]) -> CollectorRegistry:
    """What the emulator's /metrics gives."""
    registry = CollectorRegistry()
    registry.register(RequestMetrics(tally))
    return registry

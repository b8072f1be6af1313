"""What Prometheus may ask of a worker: jobs, how long they run, energy, places."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.domain.energy import Energy
from shared.domain.jobs import Job, State
from shared.domain.savings import JOULES_PER_KWH
from shared.metrics import JobMetrics

DURATION_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21_600, 86_400)
"""In seconds: from a small request to a day of training."""


@dataclass(frozen=True, slots=True)
class PoolNow:
    """One region's pool at a moment.

    Attributes:
        limit: how many jobs it may run at once in the band that holds.
        base: the same in a medium band.
        held: jobs that were taken and wait for a place.
    """

    region: str
    limit: int
    base: int
    running: int
    held: int


class WorkerMetrics:
    """Counts attempts and what they used."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register every metric; without a registry nobody asks for them."""
        self._registry = registry or CollectorRegistry()
        self.jobs = JobMetrics(self._registry)
        self._duration = Histogram(
            "carbonq_job_duration_seconds",
            "How long attempts ran, or their pieces",
            ("type",),
            buckets=DURATION_BUCKETS,
            registry=self._registry,
        )
        self._energy = Counter(
            "carbonq_energy_joules",
            "Energy of attempts, by how it is known; unknown energy is not in it",
            ("type", "method"),
            registry=self._registry,
        )
        self._missed = Counter(
            "carbonq_deadlines_missed",
            "Jobs that succeeded after their deadline",
            registry=self._registry,
        )

    def watch(self, pools: Callable[[], Iterable[PoolNow]]) -> None:
        """Ask at every scrape how the pools are."""
        self._registry.register(_Pools(pools))

    def started(self, job: Job) -> None:
        """A handler began."""
        self.jobs.entered(job.type, State.RUNNING)

    def ended(
        self, job: Job, state: State, finished_at: datetime, seconds: float, energy: Energy
    ) -> None:
        """An attempt, or a piece of it, is over and its outcome published."""
        label = self.jobs.types.of(job.type)
        self.jobs.entered(job.type, state)
        self._duration.labels(label).observe(seconds)
        if energy.energy_kwh is not None and energy.method is not None:
            joules = energy.energy_kwh * JOULES_PER_KWH
            self._energy.labels(label, energy.method.value).inc(joules)
        if state is State.SUCCEEDED and finished_at > job.deadline:
            self._missed.inc()


class _Pools(Collector):
    """The places of the pools, as they are when somebody asks."""

    def __init__(self, pools: Callable[[], Iterable[PoolNow]]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Places by state, and the limits."""
        workers = GaugeMetricFamily(
            "carbonq_workers", "Places that run a job or are free", labels=("region", "state")
        )
        held = GaugeMetricFamily(
            "carbonq_worker_held_jobs", "Jobs taken that wait for a place", labels=("region",)
        )
        limit = GaugeMetricFamily(
            "carbonq_worker_limit", "Places in the band that holds", labels=("region",)
        )
        base = GaugeMetricFamily(
            "carbonq_worker_base", "Places in a medium band", labels=("region",)
        )
        for pool in self._pools():
            workers.add_metric((pool.region, "running"), pool.running)
            workers.add_metric((pool.region, "free"), max(0, pool.limit - pool.running))
            held.add_metric((pool.region,), pool.held)
            limit.add_metric((pool.region,), pool.limit)
            base.add_metric((pool.region,), pool.base)
        yield from (workers, held, limit, base)

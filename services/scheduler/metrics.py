"""What Prometheus may ask of a scheduler: jobs, decisions, queues, what is late."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.domain.decisions import Decision, Defer, RunNow
from shared.domain.jobs import Job, State, rest_of
from shared.domain.timetable import Pools
from shared.messages import QueuedJob
from shared.metrics import JobMetrics

DEFERRAL_BUCKETS = (10, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800)
"""In seconds: from a demo's slot to two days."""


class SchedulerMetrics:
    """Counts decisions and their outcomes; the gauges are those of the scheduler that leads."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register every metric; without a registry nobody asks for them."""
        registry = registry or CollectorRegistry()
        self.jobs = JobMetrics(registry)
        self._decisions = Counter(
            "carbonq_decisions", "Decisions", ("outcome", "cause"), registry=registry
        )
        self._deferral = Histogram(
            "carbonq_job_deferral_seconds",
            "From a job's submission to its first release, where it was deferred",
            buckets=DEFERRAL_BUCKETS,
            registry=registry,
        )
        self._at_risk = Counter(
            "carbonq_jobs_at_risk",
            "Jobs released so late that what waits before them passes their latest start",
            registry=registry,
        )
        self._rejected = Counter(
            "carbonq_jobs_rejected", "Messages that are no valid job", registry=registry
        )
        self._duplicates = Counter(
            "carbonq_jobs_duplicate", "Submissions that stand for an earlier job", registry=registry
        )
        self._leader = Gauge(
            "carbonq_scheduler_leader", "1 for the scheduler that works", registry=registry
        )
        self._queue = Gauge(
            "carbonq_queue_messages", "Messages that wait in a queue", ("queue",), registry=registry
        )
        self._backlog = Gauge(
            "carbonq_pool_backlog_seconds",
            "Job-seconds that a region's pools were given and have not finished",
            ("region",),
            registry=registry,
        )
        self._consumers = Gauge(
            "carbonq_pool_consumers",
            "Jobs that a region's pools run at once",
            ("region",),
            registry=registry,
        )

    def leads(self) -> None:
        """This scheduler works."""
        self._leader.set(1)

    def stands_by(self) -> None:
        """Another one works, and knows the queues."""
        self._leader.set(0)
        for gauge in (self._queue, self._backlog, self._consumers):
            gauge.clear()

    def accepted(self, job: Job) -> None:
        """A submission passed the door."""
        self.jobs.entered(job.type, State.SUBMITTED)

    def duplicate(self) -> None:
        """A submission stands for an earlier one's job."""
        self._duplicates.inc()

    def rejected(self) -> None:
        """A message is no job."""
        self._rejected.inc()

    def decided(self, decision: Decision) -> None:
        """A job was looked at."""
        outcome = {RunNow: "run", Defer: "defer"}.get(type(decision), "expire")
        self._decisions.labels(outcome, decision.cause.value).inc()

    def released(self, queued: QueuedJob, now: datetime, pools: Pools | None) -> None:
        """A job is on its way to the pools."""
        job = queued.job
        self.jobs.entered(job.type, State.READY)
        if job.deferrals and not job.attempts and queued.piece == 1:
            self._deferral.observe((now - job.submitted_at).total_seconds())
        wait_seconds = 0.0
        if pools is not None and pools.consumers:
            wait_seconds = pools.backlog_seconds / pools.consumers
        rest = rest_of(job, queued.remaining_seconds)
        if now + timedelta(seconds=wait_seconds) > rest.latest_start(0.0):
            self._at_risk.inc()

    def saw(self, queues: Mapping[str, int], pools: Mapping[str, Pools | None]) -> None:
        """Queues were counted, by name without the namespace, and the regions' pools heard."""
        for name, messages in queues.items():
            self._queue.labels(name).set(messages)
        for region, known in pools.items():
            if known is not None:
                self._backlog.labels(region).set(known.backlog_seconds)
                self._consumers.labels(region).set(known.consumers)

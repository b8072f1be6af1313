"""The registries of the services, filled with one of everything, for tests of names and queries.

Loaded with runpy: test folders are no packages.
"""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from dashboard.numbers import PageMetrics
from services.intensity_publisher.metrics import Metrics
from services.ledger.metrics import LedgerMetrics
from services.scheduler.metrics import SchedulerMetrics
from services.watttime_emulator.metrics import registry_of
from services.worker_pool.metrics import PoolNow, WorkerMetrics
from shared.domain.bands import Band
from shared.domain.energy import Energy
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.jobs import Job, Priority, State
from shared.domain.savings import EnergyMethod
from shared.domain.timetable import Pools
from shared.ledger.reads.totals import Totals
from shared.messages import IntensityUpdated, QueuedJob
from shared.metrics import PublishMetrics, watch_broker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = Job(UUID(int=7), "t", Priority.NORMAL, Band.LOW, NOW - HOUR, NOW + HOUR, 600.0, ("R",))


def publisher():
    """The intensity publisher's."""
    registry = common()
    metrics = Metrics(registry)
    reading = Reading("R", NOW, 300, Signal.MARGINAL, "watttime", False, 200.0)
    metrics.updated(
        IntensityUpdated(
            id=uuid4(), at=NOW, reading=reading, band=Band.LOW, freshness=Freshness.LIVE
        )
    )
    metrics.requested("watttime", "forecast", "ok", 0.2)
    return registry


def scheduler():
    """A leading scheduler's."""
    registry = common()
    metrics = SchedulerMetrics(registry)
    metrics.leads()
    metrics.accepted(JOB)
    metrics.duplicate()
    metrics.rejected()
    metrics.decided(SimpleNamespace(cause=SimpleNamespace(value="in_band")))
    metrics.released(QueuedJob(job=JOB), NOW, None)
    metrics.saw({"jobs.dead": 1}, {"R": Pools((4,), 4, 60.0)})
    return registry


def worker():
    """A worker's."""
    registry = common()
    metrics = WorkerMetrics(registry)
    metrics.watch(lambda: [PoolNow("R", 8, 4, 3, 1)])
    metrics.started(JOB)
    energy = Energy(0.5, EnergyMethod.DECLARED)
    metrics.ended(JOB, State.SUCCEEDED, NOW + 2 * HOUR, 60.0, energy)
    return registry


def ledger():
    """The ledger's."""
    registry = common()
    metrics = LedgerMetrics(registry)
    metrics.wrote(3, 1, 0.02, NOW - timedelta(seconds=5), NOW)
    metrics.summed([Totals(Signal.MARGINAL, False, 9.0, 4.0, 1.0)])
    return registry


def dashboard():
    """The dashboard's."""
    registry = CollectorRegistry()
    with PageMetrics(registry).drawing("Live"):
        pass
    return registry


def emulator():
    """The emulator's."""
    return registry_of({("/v3/forecast", 200, "demo"): 1, ("/v3/forecast", 200, "other"): 2})


def common():
    """What every service has."""
    registry = CollectorRegistry()
    PublishMetrics(registry)
    watch_broker(registry, dict)
    return registry


SERVICES = {
    "intensity_publisher": publisher,
    "scheduler": scheduler,
    "worker_pool": worker,
    "ledger": ledger,
    "dashboard": dashboard,
    "watttime_emulator": emulator,
}

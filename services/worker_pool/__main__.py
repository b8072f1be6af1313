"""Wiring of a worker process."""

import asyncio
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from aio_pika.abc import AbstractConnection
from prometheus_client import CollectorRegistry

from services.worker_pool.attempts import Attempts
from services.worker_pool.capacity import Base
from services.worker_pool.metrics import PoolNow, WorkerMetrics
from services.worker_pool.processes import Processes
from services.worker_pool.registration import registered
from services.worker_pool.service import PoolRules, RegionPool
from services.worker_pool.settings import WorkerSettings
from shared.broker.connection import Reach, keep_connected
from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.domain.bands import Band, capacity
from shared.handlers import Handler
from shared.health import Health, serving_health
from shared.metering import Meter, energy_counter
from shared.metrics import PublishMetrics, watch_broker
from shared.runtime import Identity, beating, run_service, system_clock, system_random
from shared.telemetry import telemetry
from shared.tracing import Tracing

log = structlog.get_logger()


async def main(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Wire the pools and run them until stopped, then drain."""
    handlers = registered(settings.handlers, settings.commands, settings.command_timeout_seconds)
    async with (
        energy_counter(settings.energy_meter) as counter,
        telemetry("worker_pool", settings.otel_exporter_otlp_endpoint) as tracing,
    ):
        meter = Meter(counter, settings.watts_per_core)
        left = await _work(settings, stop, handlers, meter, tracing)
    if left:
        # A handler's thread cannot be ended from outside, and Python would wait for it. Its job
        # is back at the broker already.
        os._exit(0)


async def _work(
    settings: WorkerSettings,
    stop: asyncio.Event,
    handlers: Mapping[str, Handler],
    meter: Meter,
    tracing: Tracing,
) -> int:
    """Give the pools their threads and processes; returns how many threads could not be ended."""
    most = capacity(settings.base_consumers, Band.VERY_LOW) * len(settings.regions)
    threads = ThreadPoolExecutor(most, thread_name_prefix="handler")
    processes = Processes(settings.handlers, list(settings.commands))
    try:
        if any(handler.process for handler in handlers.values()):
            await processes.warm(min(settings.base_consumers, os.cpu_count() or 1))
        return await _run(settings, stop, handlers, threads, processes, meter, tracing)
    finally:
        await processes.close()
        threads.shutdown(wait=False, cancel_futures=True)


async def _run(
    settings: WorkerSettings,
    stop: asyncio.Event,
    handlers: Mapping[str, Handler],
    threads: ThreadPoolExecutor,
    processes: Processes,
    meter: Meter,
    tracing: Tracing,
) -> int:
    """Work until stopped; returns how many threads could not be ended."""
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    publisher = Publisher(
        settings.amqp_url, topology, "worker pool", system_clock, PublishMetrics(registry), tracing
    )
    ways = (publisher, threads, system_clock, system_random)
    attempts = Attempts(handlers, *ways, processes=processes, meter=meter, metrics=metrics)
    identity = Identity("worker_pool", system_clock(), settings)
    pools = _pools(settings, identity.instance, topology, attempts, publisher)
    metrics.watch(partial(_now, pools))
    left = 0

    async def session(connection: AbstractConnection) -> None:
        await asyncio.gather(*(pool.session(connection, stop) for pool in pools))
        nonlocal left
        left = await _drain(pools, settings.drain_seconds)

    facts = partial(_facts, pools, sorted(handlers))
    every = settings.beat_seconds
    beats = beating(identity, publisher, system_clock, facts, interval_seconds=every)
    reach = Reach()
    watch_broker(registry, reach.problems)
    health = Health(reach.problems, registry)
    serving = serving_health(health, settings.health_host, settings.health_port)
    async with serving, meter.watching(), beats:
        await keep_connected(
            settings.amqp_url, "worker pool", session, stop, system_random, reach=reach
        )
    await publisher.close()
    return left


def _pools(
    settings: WorkerSettings,
    instance: str,
    topology: Topology,
    attempts: Attempts,
    publisher: Publisher,
) -> list[RegionPool]:
    rules = PoolRules(
        Base(settings.base_consumers, settings.base_prefetch),
        settings.slot_seconds,
        settings.cancel_grace_seconds,
        settings.eco_off_backlog,
    )
    return [
        RegionPool(region, instance, rules, topology, attempts, publisher, system_clock)
        for region in settings.regions
    ]


async def _drain(pools: list[RegionPool], grace_seconds: float) -> int:
    left = sum(await asyncio.gather(*(each.drain(grace_seconds) for each in pools)))
    if left:
        log.warning("threads that cannot be ended; their jobs run again elsewhere", jobs=left)
    return left


def _now(pools: list[RegionPool]) -> list[PoolNow]:
    return [
        PoolNow(
            each.region,
            each.pool.limit.consumers,
            each.base.consumers,
            each.pool.running,
            each.pool.held,
        )
        for each in pools
    ]


def _facts(pools: list[RegionPool], types: list[str]) -> dict[str, str | int | float | bool | None]:
    limits = [each.pool.limit for each in pools]
    by_region: dict[str, str | int | float | None] = {}
    for each in pools:
        by_region[f"consumers.{each.region}"] = each.pool.limit.consumers
        by_region[f"running.{each.region}"] = each.pool.running
        by_region[f"held.{each.region}"] = each.pool.held
        by_region[f"mean_seconds.{each.region}"] = each.mean_seconds
        by_region[f"rule.{each.region}"] = each.pool.limit.rule.value
    return {
        **by_region,
        "regions": ",".join(each.region for each in pools),
        "running": sum(each.pool.running for each in pools),
        "held": sum(each.pool.held for each in pools),
        "consumers": sum(limit.consumers for limit in limits),
        "prefetch": max(limit.prefetch for limit in limits),
        "base_consumers": pools[0].base.consumers,  # of each region
        "types": ",".join(types),
    }


if __name__ == "__main__":
    sys.exit(run_service("worker_pool", WorkerSettings, main))

"""Counts what waits in the queues, for the metrics of the scheduler that leads."""

import asyncio

from aio_pika.abc import AbstractConnection

from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.plan import Plan
from shared.broker.topology import Queue, Topology, message_counts

APART_SECONDS = 10.0
"""Prometheus asks about as often; counting takes one round trip a queue."""
WHEEL = "jobs.delayed"
"""All places of the wheel together: the plan knows their jobs without counting 288 queues."""


def watched(topology: Topology) -> tuple[Queue, ...]:
    """The queues that are counted one by one."""
    single = (topology.submitted, topology.rejected, topology.dead, topology.ledger_events)
    return (*single, *topology.ready_queues())


async def watch_queues(
    connection: AbstractConnection, topology: Topology, plan: Plan, metrics: SchedulerMetrics
) -> None:
    """Count again and again, until cancelled."""
    prefix = topology.named("")
    names = [queue.name for queue in watched(topology)]
    while True:
        counts = await message_counts(connection, names)
        plain = {name.removeprefix(prefix): count for name, count in counts.items()}
        pools = {region: plan.timetable.pools(region) for region in topology.regions}
        metrics.saw(plain | {WHEEL: plan.jobs()}, pools)
        await asyncio.sleep(APART_SECONDS)

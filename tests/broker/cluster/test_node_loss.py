"""A cluster of three loses a node under load, and no job.

Which node leads the queues is settled when they are declared: the one that declares them, for
`queue_leader_locator` is unset here. Services are connected to every node.
"""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

import aio_pika
import pytest

from shared.broker.connection import connect
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, declare
from shared.errors import PublishFailed
from shared.messages import JobSubmit

pytestmark = [pytest.mark.broker, pytest.mark.timeout(420)]
JOBS = 120
AT_ONCE = 20
KILLED_AFTER = 60
LEADER, FOLLOWER = 0, 1  # the declaring connection is the first, to node 0


@pytest.fixture
async def on_cluster(cluster, deployment_of, namespace):
    """A deployment whose broker is the cluster."""
    topology = Topology(("R",), 6, namespace)
    connection = await connect(cluster.url, "test")
    await declare(connection, topology)
    publisher = Publisher(cluster.url, topology, "test")
    here = deployment_of(cluster.url, topology, connection, publisher)
    yield here
    await publisher.close()
    with suppress(aio_pika.exceptions.AMQPError, OSError):
        await connection.close()


@pytest.mark.parametrize("victim", [LEADER, FOLLOWER], ids=["leads-the-queues", "leads-none"])
async def test_a_killed_node_takes_no_job_with_it(cluster, on_cluster, until, victim):
    handled: list[UUID] = []
    confirmed: set[UUID] = set()

    def handle(_payload, context):
        handled.append(context.job_id)

    async def submit(turns, killed):
        for number in turns:
            job = JobSubmit(type="t", id=uuid4(), priority="critical")
            with suppress(PublishFailed):
                await on_cluster.publisher.submit(job, message_id=str(job.id))
                confirmed.add(job.id)
            if number == KILLED_AFTER:
                killed.set()

    async with on_cluster.scheduler(), on_cluster.pool({"t": handle}):
        await until(lambda: cluster.taken, 10)
        await submit(range(1), asyncio.Event())
        await until(lambda: confirmed <= set(handled), 60)
        killed, turns = asyncio.Event(), iter(range(1, JOBS))
        load = [asyncio.create_task(submit(turns, killed)) for _ in range(AT_ONCE)]
        await killed.wait()
        cluster.nodes[victim].kill()
        await asyncio.gather(*load)
        await until(lambda: confirmed <= set(handled), 150)
    assert len(confirmed) == JOBS

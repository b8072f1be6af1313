"""A command's own short connection to the broker."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import structlog
from aio_pika.abc import AbstractConnection, AbstractQueue

from services.cli.settings import Places
from shared.broker.connection import LOST, connect
from shared.broker.topology import Topology


def quiet_logs() -> None:
    """A command tells its user in its own words; without this, logs would go to the data."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def quiet_broker_logs() -> None:
    """AMQP's library prints a refused connection with a traceback; the error is one line."""
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def topology_of(places: Places) -> Topology:
    """The names of everything in this deployment."""
    settings = places.settings
    return Topology(settings.regions, settings.wheel_slots, settings.namespace)


@asynccontextmanager
async def connected(places: Places, command: str) -> AsyncIterator[AbstractConnection]:
    """A connection that is closed again.

    Raises:
        BrokerUnreachable: nothing answers there, or the login is refused.
    """
    quiet_broker_logs()
    connection = await connect(places.amqp_url, f"carbon-aware {command}")
    try:
        yield connection
    finally:
        with suppress(*LOST):
            await connection.close()


async def own_queue(connection: AbstractConnection, topology: Topology) -> AbstractQueue:
    """A queue that only this connection may use and that goes away with it."""
    channel = await connection.channel()
    name = topology.named(f"ctl.cli.{uuid4()}")
    return await channel.declare_queue(name, exclusive=True, auto_delete=True)

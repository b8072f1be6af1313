"""What `doctor` asks the broker."""

from collections.abc import AsyncIterator

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from services.cli.broker_session import connected, topology_of
from services.cli.findings import Finding, failed, of_error, ok, warning
from services.cli.settings import Places
from shared.broker.connection import without_password
from shared.broker.topology import Topology, check
from shared.errors import BrokerUnreachable, ConfigurationError

OLDEST = (3, 10)
QUEUE_TIMEOUT_SINCE = (3, 12)
"""From here on a queue's own `x-consumer-timeout` is honoured."""
SET_UP = "run `carbon-aware setup` once"


async def check_broker(places: Places) -> AsyncIterator[Finding]:
    """Whether it answers, which version it is, and whether everything is declared."""
    try:
        async with connected(places, "doctor") as connection:
            version = server_version(connection)
            yield _version(places, version)
            yield _timeout(places, version)
            yield await _topology(connection, topology_of(places))
    except BrokerUnreachable as error:
        yield of_error("broker", error, "start one with `carbon-aware up`, or set AMQP_URL")


def server_version(connection: AbstractConnection) -> str:
    """What the broker calls itself, such as `3.13.7`; empty where it does not say."""
    transport = connection.transport
    properties = getattr(getattr(transport, "connection", None), "server_properties", None) or {}
    version = properties.get("version", "")
    return version.decode() if isinstance(version, bytes) else str(version)


def numbers_of(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: (3, 13) of `3.13.7`."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _version(places: Places, version: str) -> Finding:
    where = f"RabbitMQ {version or 'of unknown version'} at {without_password(places.amqp_url)}"
    if not numbers_of(version) or numbers_of(version) >= OLDEST:
        return ok("broker", f"{where}, from {places.origin}")
    return failed("broker", f"{where} is too old", "use RabbitMQ 3.10 or newer")


def _timeout(places: Places, version: str) -> Finding:
    """AMQP does not tell the broker's own limit, so only what is known for sure counts as well."""
    name = "long jobs"
    if numbers_of(version) >= QUEUE_TIMEOUT_SINCE:
        return ok(name, "the queues themselves allow runs of up to 7 days")
    if places.endpoints is not None and "rabbitmq" in places.endpoints.pids:
        return ok(name, "the private RabbitMQ allows runs of up to 7 days")
    return warning(
        name,
        f"RabbitMQ {version} returns a job after consumer_timeout, by default 30 min, "
        "and does not say what it is set to",
        "for longer jobs set consumer_timeout in rabbitmq.conf",
    )


async def _topology(connection: AbstractConnection, topology: Topology) -> Finding:
    queues = topology.queues()
    try:
        for exchange in topology.exchanges():
            await _check_exchange(connection, exchange.name)
        await check(connection, queues)
    except ConfigurationError as error:
        return of_error("topology", error, SET_UP)
    return ok("topology", f"{len(topology.exchanges())} exchanges and {len(queues)} queues")


async def _check_exchange(connection: AbstractConnection, name: str) -> None:
    channel = await connection.channel()
    try:
        await channel.get_exchange(name, ensure=True)
    except ChannelNotFoundEntity:
        raise ConfigurationError(f"the exchange {name} is missing; {SET_UP}") from None
    await channel.close()

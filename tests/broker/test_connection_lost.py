"""A connection that breaks is known to be broken, also by those who only wait on it."""

import asyncio
from dataclasses import replace

import pytest
from aio_pika import Connection
from yarl import URL

from shared.broker.connection import connect, open_channel
from shared.broker.publish import Publisher
from shared.errors import BrokerUnreachable
from shared.messages import JobSubmit
from tests.front import Front

SEEN_SECONDS = 5


@pytest.fixture
async def front(deployment):
    """An address that leads to the broker until it is cut."""
    return Front([URL(deployment.url).port])


@pytest.fixture
async def behind(deployment, front):
    """The deployment, reached through the front."""
    async with front.listening() as port:
        yield replace(deployment, url=str(URL(deployment.url).with_port(port)))


@pytest.mark.parametrize("consumes", [False, True])
async def test_whoever_waits_for_the_end_of_a_connection_hears_of_its_loss(behind, front, consumes):
    connection = await connect(behind.url, "test", consumes=consumes)
    await connection.channel()
    front.cut()
    async with asyncio.timeout(SEEN_SECONDS):
        await connection.closed()
    assert connection.is_closed


@pytest.fixture
def closings(monkeypatch):
    """Every connection that something closes, as often as it does."""
    close, closed = Connection.close, []

    def noted(connection, *arguments):
        closed.append(connection)
        return close(connection, *arguments)

    monkeypatch.setattr(Connection, "close", noted)
    return closed


async def test_what_its_owner_closes_is_closed_once(deployment, closings):
    """A task that closed it again could outlive the loop of a program that ends."""
    connection = await connect(deployment.url, "test")
    heard = asyncio.Event()
    connection.close_callbacks.add(lambda *_: heard.set())
    await connection.close()
    async with asyncio.timeout(SEEN_SECONDS):
        await heard.wait()
    assert closings == [connection]


async def test_what_could_not_connect_is_closed_too(deployment, closings):
    """Its finalizer would close it otherwise, and where no loop runs it cannot."""
    with pytest.raises(BrokerUnreachable):
        await connect(str(URL(deployment.url).with_password("wrong")), "test")
    assert [connection.is_closed for connection in closings] == [True]


async def test_no_channel_is_opened_on_what_is_lost(behind, front):
    connection = await connect(behind.url, "test")
    front.cut()
    async with asyncio.timeout(SEEN_SECONDS):
        await connection.closed()
    with pytest.raises(ConnectionError, match="the connection is closed"):
        await open_channel(connection)


async def test_a_pool_at_rest_takes_jobs_again(behind, front, deployment, until):
    """It waits for jobs and asks the broker nothing, so nothing else tells it of the loss."""
    handled = []
    async with behind.pool({"t": lambda _payload, context: handled.append(context.job_id)}):
        first = await deployment.send("t")
        await until(lambda: handled == [first])
        front.cut()
        second = await deployment.send("t")
        await until(lambda: second in handled)


async def test_the_lead_is_free_again_for_others(behind, front, deployment, until):
    async with behind.scheduler() as first:
        await until(lambda: first.facts()["role"] == "leader")
        async with deployment.scheduler() as second:
            front.cut()
            await until(lambda: second.facts()["role"] == "leader")
            await until(lambda: first.facts()["role"] == "standby")


async def test_a_publisher_at_rest_publishes_again(behind, front, deployment):
    publisher = Publisher(behind.url, deployment.topology, "cut")
    for number in range(3):
        await publisher.submit(JobSubmit(type="t"), message_id=str(number))
        front.cut()
    assert await deployment.count(deployment.topology.submitted) == 3
    await publisher.close()

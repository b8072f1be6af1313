"""Each of the broker's users does what its row of the topology table says, and nothing else."""

import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from functools import partial

import aio_pika
import pytest
from aio_pika import ExchangeType
from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from services.credentials.secrets import with_passwords
from shared.broker.connection import connect
from shared.broker.rights import definitions, rights_of
from shared.broker.topology import Exchange, Queue, Topology, declare
from shared.domain.jobs import Lane
from shared.errors import BrokerUnreachable

REGION = "R"
PASSWORD = "made-up"
PUBLISHES = {
    "setup": set(),
    "publisher": {"intensity:intensity.updated.R", "events:service.beat"},
    "scheduler": {
        "jobs:submit",
        "jobs:claim",
        "jobs:rejected",
        "jobs.delayed:000",
        "jobs.ready:R.normal",
        "events:service.beat",
        "events:job.deferred",
        "events:job.replayed",
        ":nobody",
    },
    "worker": {
        "jobs:retry",
        "jobs:resume",
        "jobs:dead",
        "jobs:rejected",
        "jobs.ready:R.normal",
        "events:service.beat",
        "events:job.deferred",
        "events:job.replayed",
    },
    "ledger": {"jobs:rejected", "events:service.beat"},
    "client": {"jobs:submit", "control:cancel", "control:run_now"},
    "operator": {
        "jobs:submit",
        "jobs:retry",
        "control:cancel",
        "control:run_now",
        "control:pause",
        "control:eco",
        "events:job.replayed",
    },
}
EVERY_PUBLISH = set().union(*PUBLISHES.values())
READY = ("jobs.ready.R.urgent", "jobs.ready.R.normal", "jobs.ready.R.background")
PLACES = ("jobs.delayed.000", "jobs.delayed.001")
READS = {
    # RabbitMQ wants it of whoever declares a queue with a dead-letter exchange.
    "setup": {"jobs.submitted", *READY, *PLACES},
    "publisher": {"intensity.log"},
    "scheduler": {
        "jobs.submitted",
        "intensity.log",
        "control.log",
        "jobs.claims",
        *PLACES,
    },
    "worker": {*READY, "control.log", "intensity.log"},
    "ledger": {"ledger.events"},
    "client": set(),
    "operator": {"jobs.dead", "jobs.rejected"},
}
OWN = {
    "publisher": ("ctl.publisher.leader.R",),
    "scheduler": ("ctl.scheduler.1", "ctl.scheduler.leader"),
    "client": ("ctl.client.1",),
    "operator": ("ctl.cli.1", "ctl.client.1"),
}
OWN_NAMES = sorted({name for names in OWN.values() for name in names})
LISTENS = {"scheduler", "client", "operator"}
USERS = sorted(PUBLISHES)
SERVICES = sorted(set(USERS) - {"setup"})


@pytest.fixture(scope="module")
def topology():
    return Topology((REGION,), 2)


@pytest.fixture(scope="module")
def logins(own_node, topology, tmp_path_factory):
    """The address of every user, once the definitions are imported as a deployment imports them."""
    without = definitions(topology)
    passwords = {each["name"]: PASSWORD for each in without["users"]}
    path = tmp_path_factory.mktemp("definitions") / "definitions.json"
    path.write_text(json.dumps(with_passwords(without, passwords, bytes)))
    own_node.ctl("import_definitions", str(path))
    return {user: own_node.url_of(user, PASSWORD) for user in passwords}


@pytest.fixture
async def set_up(logins, topology):
    """The queues, declared by the only user who may."""
    connection = await connect(logins["setup"], "test")
    await declare(connection, topology)
    yield connection
    await connection.close()


@asynccontextmanager
async def login(url):
    connection = await connect(url, "test")
    try:
        yield connection
    finally:
        await connection.close()


async def allowed(connection, act) -> bool:
    """Whether the broker lets this connection do it, on a channel of its own."""
    channel = await connection.channel()
    try:
        await act(channel)
    except ChannelAccessRefused:
        return False
    await channel.close()
    return True


def publishing(where):
    exchange_name, _, key = where.partition(":")

    async def act(channel):
        if exchange_name:
            exchange = await channel.get_exchange(exchange_name, ensure=False)
        else:
            exchange = channel.default_exchange
        await exchange.publish(aio_pika.Message(b"{}"), key, mandatory=False)

    return act


def reading(queue: Queue):
    async def ignore(message):
        """What is read stays unacknowledged, and returns."""

    async def act(channel):
        await channel.set_qos(1)
        found = await channel.get_queue(queue.name, ensure=False)
        await found.cancel(await found.consume(ignore))

    return act


def changing(queue: Queue) -> Iterator[tuple[str, object]]:
    """What nobody but the set-up step may do to a queue of the deployment."""

    async def declare_it(channel):
        await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))

    async def bind(channel):
        found = await channel.get_queue(queue.name, ensure=False)
        await found.bind("control", "cancel")

    async def delete(channel):
        await channel.queue_delete(queue.name)

    yield f"declare {queue.name}", declare_it
    yield f"bind {queue.name}", bind
    yield f"delete {queue.name}", delete


@pytest.mark.parametrize("user", USERS)
async def test_a_user_publishes_where_its_row_says_and_nowhere_else(set_up, logins, user):
    async with login(logins[user]) as connection:
        found = {where for where in EVERY_PUBLISH if await allowed(connection, publishing(where))}
    assert found == PUBLISHES[user]


@pytest.mark.parametrize("user", USERS)
async def test_a_user_reads_its_own_queues_and_no_other(set_up, logins, topology, user):
    async with login(logins[user]) as connection:
        found = {
            queue.name for queue in topology.queues() if await allowed(connection, reading(queue))
        }
    assert found == READS[user]


@pytest.mark.parametrize("user", SERVICES)
async def test_a_user_changes_nothing_of_the_deployment(set_up, logins, topology, user):
    async with login(logins[user]) as connection:
        found = [
            what
            for queue in topology.queues()
            for what, act in changing(queue)
            if await allowed(connection, act)
        ]
    assert found == []


@pytest.mark.parametrize("user", USERS)
async def test_a_user_makes_and_binds_only_queues_of_its_own(set_up, logins, user):
    def own(name, exchange_name):
        async def act(channel):
            queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
            if exchange_name:
                await queue.bind(exchange_name, "job.#")
            await queue.delete()

        return act

    made, bound = set(), set()
    async with login(logins[user]) as connection:
        for name in (*OWN_NAMES, "anything", "amq.gen-1"):
            if await allowed(connection, own(name, None)):
                made.add(name)
                bound |= {
                    (name, exchange)
                    for exchange in ("events", "jobs", "control", "intensity", "jobs.ready")
                    if await allowed(connection, own(name, exchange))
                }
    assert made == set(OWN.get(user, ()))
    assert bound == ({(name, "events") for name in made} if user in LISTENS else set())


@pytest.mark.parametrize("user", SERVICES)
async def test_a_user_makes_and_deletes_no_exchange(set_up, logins, topology, user):
    async def create(channel, exchange):
        await channel.declare_exchange(exchange.name, exchange.kind, durable=True)

    async def delete(channel, exchange):
        await channel.exchange_delete(exchange.name)

    mine = Exchange("mine", ExchangeType.FANOUT)
    async with login(logins[user]) as connection:
        for exchange in (*topology.exchanges(), mine):
            assert not await allowed(connection, partial(create, exchange=exchange))
            assert not await allowed(connection, partial(delete, exchange=exchange))


async def test_the_set_up_step_makes_no_exchange_that_is_not_in_the_topology(set_up, topology):
    async def create(channel):
        await channel.declare_exchange("mine", ExchangeType.FANOUT, durable=True)

    assert not await allowed(set_up, create)
    await declare(set_up, topology)  # again, as at every start


async def test_every_user_of_the_definitions_is_tried_here(topology):
    assert {rights.user for rights in rights_of(topology)} == set(USERS)


@pytest.mark.parametrize("password", ["", "wrong"])
@pytest.mark.parametrize("user", USERS)
async def test_nobody_gets_in_without_the_password(own_node, logins, user, password):
    with pytest.raises(BrokerUnreachable):
        await connect(own_node.url_of(user, password), "test")


async def test_queues_without_a_bound_of_their_own_get_one(own_node, set_up, topology):
    listed = own_node.ctl("list_queues", "name", "policy", "arguments", "--formatter", "json")
    bounded = {
        each["name"]
        for each in json.loads(listed)
        if each["policy"] or "x-max-" in str(each["arguments"])
    }
    assert {queue.name for queue in topology.queues()} - bounded == set()


async def test_a_namespace_keeps_its_users_within_it(own_node, tmp_path):
    """Two deployments on one broker do not reach each other."""
    inside, outside = Topology((REGION,), 2, "a"), Topology((REGION,), 2, "b")
    lane = Lane.NORMAL
    without = definitions(inside)
    for key in ("users", "permissions", "topic_permissions"):
        field = "name" if key == "users" else "user"
        without[key] = [each | {field: f"a-{each[field]}"} for each in without[key]]
    passwords = {each["name"]: PASSWORD for each in without["users"]}
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(with_passwords(without, passwords, bytes)))
    own_node.ctl("import_definitions", str(path))
    async with login(own_node.url_of("a-setup", PASSWORD)) as setting_up:
        await declare(setting_up, inside)
        with pytest.raises(ChannelAccessRefused):
            await declare(setting_up, outside)
    async with login(str(URL(own_node.amqp_url))) as admin:
        await declare(admin, outside)
    async with login(own_node.url_of("a-worker", PASSWORD)) as connection:
        assert await allowed(connection, reading(inside.ready_queue(REGION, lane)))
        assert not await allowed(connection, reading(outside.ready_queue(REGION, lane)))
        assert not await allowed(connection, publishing("b.jobs:retry"))

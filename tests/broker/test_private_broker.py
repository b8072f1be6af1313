import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import psutil
import pytest
from aio_pika.abc import AbstractChannel

from services.cli.amqp_probe import login_failure
from services.cli.private_broker import PrivateBroker
from services.cli.processes import (
    AlreadyRunning,
    end_leftovers,
    is_alive,
    marked,
    port_answers,
    until,
)
from shared.errors import BrokerUnreachable

pytestmark = pytest.mark.broker

REPOSITORY = Path(__file__).parents[2]
HOLD = """
import asyncio, os, sys
from pathlib import Path
from typing import Any
from services.cli import processes
from services.cli.private_broker import PrivateBroker
if "unbound" in sys.argv:
    processes._can_bind_to_parent = lambda: None
async def main():
    node = PrivateBroker(Path(sys.argv[1]), Path(sys.argv[2]), os.environ)
    await node.start()
    print(node._run, node.amqp_url, flush=True)
    if "stop" in sys.argv:
        await node.stop()
    else:
        await asyncio.sleep(600)
asyncio.run(main())
"""
LOOPBACK = {"127.0.0.1", "::1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "rabbitmq"


@asynccontextmanager
async def started(folder: Path, server: Path) -> AsyncIterator[PrivateBroker]:
    node = PrivateBroker(folder, server, os.environ)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()
    assert gone(node._run, node.amqp_url)
    assert not port_answers(node._known_identity().epmd_port)
    assert not port_answers(node._known_identity().dist_port)


@asynccontextmanager
async def channel_of(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel()


@pytest.fixture
def holders(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Other processes that hold a node; what is left of them is ended."""
    held: list[subprocess.Popen[str]] = []
    yield held
    for holder in held:
        holder.kill()
        holder.communicate()
    asyncio.run(end_leftovers(folder / "processes.json"))


def hold(folder: Path, server: Path, *more: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", HOLD, str(folder), str(server), *more]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def gone(run: str, amqp_url: str) -> bool:
    return not marked(run) and not port_answers(int(amqp_url.rstrip("/").rpartition(":")[2]))


def listeners(run: str) -> dict[str, set[str]]:
    return {
        process.name(): {
            connection.laddr.ip
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        for process in marked(run)
    }


async def test_every_listener_is_on_loopback(folder: Path, rabbitmq_server: Path) -> None:
    async with started(folder, rabbitmq_server) as node, channel_of(node.amqp_url) as channel:
        for kind in ("classic", "quorum", "stream"):
            queue: dict[str, Any] = {"x-queue-type": kind}
            await channel.declare_queue(kind, durable=True, arguments=queue)
        addresses = listeners(node._run)
        assert addresses["beam.smp"]
        assert addresses["epmd"]
        assert set().union(*addresses.values()) <= LOOPBACK


async def test_jobs_survive_a_stop_and_a_start(folder: Path, rabbitmq_server: Path) -> None:
    async with started(folder, rabbitmq_server) as node:
        first_url = node.amqp_url
        async with channel_of(node.amqp_url) as channel:
            kind: dict[str, Any] = {"x-queue-type": "quorum"}
            queue = await channel.declare_queue("kept", durable=True, arguments=kind)
            message = aio_pika.Message(b"job", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, queue.name)
    async with started(folder, rabbitmq_server) as node:
        assert node.amqp_url == first_url  # the same ports, as long as they are free
        async with channel_of(node.amqp_url) as channel:
            queue = await channel.declare_queue("kept", passive=True)
            received = await queue.get(timeout=10)
            assert received.body == b"job"
            await received.ack()


async def test_the_second_one_in_a_folder_is_refused_and_others_are_not_disturbed(
    folder: Path, amqp_url: str, rabbitmq_server: Path
) -> None:
    async with started(folder, rabbitmq_server) as node:
        assert node.amqp_url != amqp_url
        with pytest.raises(AlreadyRunning, match="runs in"):
            await PrivateBroker(folder, rabbitmq_server, os.environ).start()
        assert node.is_alive()
        assert await login_failure(node.amqp_url) is None
    assert await login_failure(amqp_url) is None


async def test_a_node_that_dies_comes_back_at_the_same_address(
    folder: Path, rabbitmq_server: Path
) -> None:
    async with started(folder, rabbitmq_server) as node:
        url = node.amqp_url
        beam = next(process for process in marked(node._run) if process.name() == "beam.smp")
        beam.kill()
        assert await until(lambda: not node.is_alive(), 10)
        await node.restart()
        assert await login_failure(url) is None


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs Linux's setpriv")
async def test_a_killed_up_takes_its_node_with_it(
    folder: Path, rabbitmq_server: Path, holders: list[subprocess.Popen[str]]
) -> None:
    holders.append(hold(folder, rabbitmq_server))
    assert holders[0].stdout is not None
    run, url = (await asyncio.to_thread(holders[0].stdout.readline)).split()
    holders[0].kill()
    assert await until(lambda: gone(run, url), 30)


async def test_leftovers_of_a_killed_up_are_ended_by_the_next(
    folder: Path, rabbitmq_server: Path, holders: list[subprocess.Popen[str]]
) -> None:
    holders.append(hold(folder, rabbitmq_server, "unbound"))
    assert holders[0].stdout is not None
    run, _ = (await asyncio.to_thread(holders[0].stdout.readline)).split()
    holders[0].kill()
    holders[0].wait()
    left = marked(run)
    # Without the script that holds it, the node has nobody who would tell it to stop.
    next(process for process in left if process.name() == "rabbitmq-server").kill()
    async with started(folder, rabbitmq_server) as node:
        assert not any(map(is_alive, left))
        assert await login_failure(node.amqp_url) is None


async def test_a_node_that_cannot_start_shows_the_end_of_its_log(
    folder: Path, tmp_path: Path
) -> None:
    server = tmp_path / "rabbitmq-server"
    server.write_text("#!/bin/sh\necho no Erlang here\nexit 1\n")
    server.chmod(0o755)
    node = PrivateBroker(folder, server, os.environ)
    with pytest.raises(BrokerUnreachable, match=r"ended while it started[\s\S]*no Erlang here"):
        await node.start()
    assert marked(node._run) == []
    assert not (folder / "processes.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_run_it(rabbitmq_server: Path) -> None:
    become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    reads = [*become, sys.executable, "-c", "import services.cli"]
    if subprocess.run(reads, cwd=REPOSITORY, check=False).returncode != 0:
        pytest.skip("this checkout cannot be read by other users")
    with tempfile.TemporaryDirectory(prefix="carbon-aware-user-") as home:
        os.chown(home, 65534, 65534)
        argv = [*become, sys.executable, "-c", HOLD, f"{home}/rabbitmq", str(rabbitmq_server)]
        done = subprocess.run(
            [*argv, "stop"], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert gone(*done.stdout.split())
        assert Path(f"{home}/rabbitmq/data").stat().st_uid == 65534


async def test_the_fixture_gives_a_broker_that_answers(amqp_url: str, namespace: str) -> None:
    async with channel_of(amqp_url) as channel:
        queue = await channel.declare_queue(f"{namespace}.q", exclusive=True)
        assert queue.declaration_result.message_count == 0

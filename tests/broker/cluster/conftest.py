"""Three RabbitMQ nodes on loopback that form a cluster, and one address in front of them."""

import asyncio
import itertools
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from services.cli.amqp_probe import login_failure
from services.cli.processes import bound_to_parent, free_port
from services.cli.rabbitmq_server import NodeIdentity, find_epmd, node_environment, write_files

NODES = 3
START_SECONDS = 180.0  # three Erlangs on a busy machine
COPY_BYTES = 65_536


@dataclass
class Node:
    """One member of the cluster."""

    folder: Path
    identity: NodeIdentity
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it and all that it started at once, as a power cut does."""
        family = [psutil.Process(self.process.pid)]
        family += family[0].children(recursive=True)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()


@dataclass
class Cluster:
    """The nodes, and the address that leads to any that lives."""

    nodes: list[Node]
    url: str
    taken: list[int] = field(default_factory=list)

    def node_of_last_connection(self) -> Node:
        """The node that the front chose last."""
        return self.nodes[self.taken[-1]]


@pytest.fixture
async def cluster(tmp_path: Path, rabbitmq_server: Path) -> AsyncIterator[Cluster]:
    """A cluster of three; every quorum queue that is declared there has three members."""
    password, cookie, epmd_port = secrets.token_hex(16), secrets.token_hex(32), free_port()
    identities = [
        NodeIdentity(f"node{number}-{cookie[:6]}@localhost", password, free_port(), epmd_port,
                     free_port())
        for number in range(NODES)
    ]  # fmt: skip
    async with AsyncExitStack() as running:
        epmd = [str(find_epmd(os.environ["PATH"])), "-port", str(epmd_port)]
        mapper = _spawn(tmp_path, [*epmd, "-address", "127.0.0.1"], dict(os.environ))
        running.callback(_end, mapper)
        nodes = [_start(tmp_path, rabbitmq_server, each, identities, cookie) for each in identities]
        for node in nodes:
            running.callback(_end, node.process)
        async with asyncio.timeout(START_SECONDS):
            for node in nodes:
                await _answers(node)
        here = Cluster(nodes, "")
        url = await running.enter_async_context(_front(here))
        here.url = url
        yield here


def _start(
    folder: Path, server: Path, identity: NodeIdentity, members: list[NodeIdentity], cookie: str
) -> Node:
    home = folder / identity.name.split("@")[0]
    (home / "conf.d").mkdir(parents=True)
    (home / ".erlang.cookie").write_text(cookie)
    (home / ".erlang.cookie").chmod(0o400)
    listed = [
        f"cluster_formation.classic_config.nodes.{number} = {each.name}"
        for number, each in enumerate(members, 1)
    ]
    lines = ["cluster_formation.peer_discovery_backend = classic_config", *listed]
    lines += ["cluster_partition_handling = pause_minority"]
    (home / "conf.d" / "cluster.conf").write_text("\n".join(lines) + "\n")
    write_files(home, identity)
    environment = node_environment(home, identity, os.environ)
    return Node(home, identity, _spawn(home, [str(server)], environment))


def _spawn(folder: Path, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            bound_to_parent(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children; it may be gone."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid)
        for each in [*family.children(recursive=True), family]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


async def _answers(node: Node) -> None:
    """Wait until a node lets us log in; fail at once where it has ended."""
    while await login_failure(node.identity.amqp_url):
        if node.process.poll() is not None:
            log = (node.folder / "logs" / "node.log").read_text(errors="replace")
            pytest.fail(f"a node ended while it started:\n{log[-3000:]}")
        await asyncio.sleep(0.2)


@asynccontextmanager
async def _front(cluster: Cluster) -> AsyncIterator[str]:
    """What a name with three addresses does: a connection goes to the next node that takes it."""
    turn = itertools.count()
    copying: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(NODES):
            number = next(turn) % NODES
            port = cluster.nodes[number].identity.amqp_port
            with suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", port)
                cluster.taken.append(number)
                pairs = ((reader, there[1]), (there[0], writer))
                copying.update(asyncio.ensure_future(_copy(*pair)) for pair in pairs)
                return
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    identity = cluster.nodes[0].identity
    yield identity.amqp_url.replace(f"{host}:{identity.amqp_port}", f"{host}:{port}")
    server.close()
    for task in copying:
        task.cancel()
    await asyncio.gather(*copying, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(COPY_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()

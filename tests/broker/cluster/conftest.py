"""Three RabbitMQ nodes on loopback that form a cluster, and one address in front of them."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from yarl import URL

from services.cli.amqp_probe import login_failure
from services.cli.processes import bound_to_parent, free_port
from services.cli.rabbitmq_server import NodeIdentity, find_epmd, node_environment, write_files
from tests.front import Front

NODES = 3
START_SECONDS = 180.0  # three Erlangs on a busy machine


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
    """The nodes, and the address that leads to any that lives.

    Attributes:
        taken: which node each connection to that address went to.
    """

    nodes: list[Node]
    url: str
    taken: list[int]


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
        front = Front([each.amqp_port for each in identities])
        port = await running.enter_async_context(front.listening())
        url = URL(identities[0].amqp_url).with_port(port)
        yield Cluster(nodes, str(url), front.taken)


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

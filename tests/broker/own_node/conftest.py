"""A RabbitMQ node that these tests may set up as they like: TLS, users, alarms."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from yarl import URL

from services.cli.private_broker import PrivateBroker
from services.cli.processes import free_port
from services.cli.rabbitmq_server import load_identity, node_environment
from tests.certificates import Pair, make_pair

CTL_SECONDS = 60


@dataclass(frozen=True)
class Node:
    """A running node of one's own."""

    folder: Path
    server: Path
    amqp_url: str
    tls_port: int
    ca: Pair
    client: Pair

    @property
    def tls_url(self) -> str:
        """The same user, by TLS."""
        return str(URL(self.amqp_url).with_scheme("amqps").with_port(self.tls_port))

    def url_of(self, user: str, password: str) -> str:
        """The address for another user."""
        return str(URL(self.amqp_url).with_user(user).with_password(password))

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node."""
        environment = node_environment(self.folder, load_identity(self.folder), os.environ)
        name = environment["RABBITMQ_NODENAME"]
        done = subprocess.run(
            [str(self.server.with_name("rabbitmqctl")), "-q", "-n", name, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=CTL_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def own_node(tmp_path_factory: pytest.TempPathFactory, rabbitmq_server: Path) -> Iterator[Node]:
    """A node that speaks TLS beside plain AMQP, and wants a certificate of its clients there."""
    certificates = tmp_path_factory.mktemp("certificates")
    ca = make_pair(certificates, "authority")
    node, client = (make_pair(certificates, name, ca) for name in ("node", "client"))
    folder, tls_port = tmp_path_factory.mktemp("node") / "rabbitmq", free_port()
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d" / "tls.conf").write_text(
        f"listeners.ssl.1 = 127.0.0.1:{tls_port}\n"
        f"ssl_options.cacertfile = {ca.cert_file}\n"
        f"ssl_options.certfile = {node.cert_file}\n"
        f"ssl_options.keyfile = {node.key_file}\n"
        "ssl_options.verify = verify_peer\n"
        "ssl_options.fail_if_no_peer_cert = true\n"
    )
    broker = PrivateBroker(folder, rabbitmq_server, os.environ)
    asyncio.run(broker.start())
    try:
        yield Node(folder, rabbitmq_server, broker.amqp_url, tls_port, ca, client)
    finally:
        asyncio.run(broker.stop())

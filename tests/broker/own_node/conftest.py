"""A RabbitMQ node that these tests may set up as they like: TLS, users, alarms."""

import asyncio
import datetime as dt
import ipaddress
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from services.cli.private_broker import PrivateBroker
from services.cli.processes import free_port
from services.cli.rabbitmq_server import load_identity, node_environment

CTL_SECONDS = 60


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as objects and as files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cert_file: Path
    key_file: Path


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


def make_pair(folder: Path, name: str, issuer: Pair | None = None) -> Pair:
    """A throw-away certificate that is good for 127.0.0.1 and for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    pair = Pair(certificate, key, folder / f"{name}.pem", folder / f"{name}.key")
    pair.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pair


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

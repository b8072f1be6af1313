"""Makes sure that there is a broker, asking the least of the machine that is possible."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli.amqp_probe import login_failure
from services.cli.private_broker import PrivateBroker
from services.cli.rabbitmq_install import Installer, find_installer, install
from services.cli.rabbitmq_server import find_server
from shared.broker.connection import without_password
from shared.errors import BrokerUnreachable

LOCAL_URL = "amqp://guest:guest@127.0.0.1:5672/"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Broker:
    """The broker to use, and the node behind it if it is ours to stop."""

    amqp_url: str
    origin: str
    node: PrivateBroker | None = None


async def _start_private(folder: Path, server: Path, environ: Mapping[str, str]) -> PrivateBroker:
    node = PrivateBroker(folder, server, environ)
    await node.start()
    return node


@dataclass(frozen=True)
class Tools:
    """What the choice does to the world; tests bring their own."""

    login_failure: Callable[[str], Awaitable[str | None]] = login_failure
    find_server: Callable[[], Path | None] = find_server
    find_installer: Callable[[], Installer | None] = find_installer
    install: Callable[[Installer, Path], Path] = install
    start_private: Callable[[Path, Path, Mapping[str, str]], Awaitable[PrivateBroker]] = (
        _start_private
    )


async def ensure_broker(
    data_dir: Path,
    amqp_url: str | None,
    environ: Mapping[str, str],
    *,
    say: Say,
    no_install: bool = False,
    tools: Tools | None = None,
) -> Broker:
    """Find a broker, or start one, in this order.

    AMQP_URL; one on this machine that takes guest; a private node of an installed RabbitMQ; a
    private node after installing it.

    Raises:
        BrokerUnreachable: None of these; the message says what to do.
    """
    tools = tools or Tools()
    if amqp_url:
        return await _from_settings(amqp_url, tools)
    if await tools.login_failure(LOCAL_URL) is None:
        say("broker: the RabbitMQ on 127.0.0.1:5672")
        return Broker(LOCAL_URL, "local")
    server = tools.find_server()
    if server is None:
        installer = _installer(tools, no_install=no_install)
        say(f"RabbitMQ is not installed: {installer.command} (its service stays off)")
        server = tools.install(installer, data_dir / "logs" / "install.log")
    say(f"broker: starting a private RabbitMQ in {data_dir / 'rabbitmq'}")
    node = await tools.start_private(data_dir / "rabbitmq", server, environ)
    return Broker(node.amqp_url, "private", node)


async def _from_settings(amqp_url: str, tools: Tools) -> Broker:
    failure = await tools.login_failure(amqp_url)
    if failure is not None:
        raise BrokerUnreachable(
            f"no RabbitMQ at AMQP_URL ({without_password(amqp_url)}): {failure}; "
            "start it, correct AMQP_URL, or unset it to get a private one"
        )
    return Broker(amqp_url, "AMQP_URL")


def _installer(tools: Tools, *, no_install: bool) -> Installer:
    installer = tools.find_installer()
    if installer is None:
        raise BrokerUnreachable(
            "no RabbitMQ on 127.0.0.1:5672 and none installed: install rabbitmq-server, "
            "or set AMQP_URL to one that runs elsewhere"
        )
    if no_install:
        raise BrokerUnreachable(
            f"no RabbitMQ on 127.0.0.1:5672 and none installed: run `{installer.command}`"
        )
    return installer

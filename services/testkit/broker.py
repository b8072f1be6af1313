"""The broker of the tests: AMQP_URL's, or a private RabbitMQ."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.private_broker import PrivateBroker
from services.cli.rabbitmq_server import find_server
from shared.settings import Settings


class BrokerOfTests(Settings):
    """Whether there is a broker already."""

    amqp_url: str | None = None


@pytest.fixture(scope="session")
def carbon_aware_broker() -> Iterator[str]:
    """The address of a RabbitMQ that lives as long as the session."""
    given = BrokerOfTests.load().amqp_url
    if given:
        yield given
        return
    server = find_server()
    if server is None:
        pytest.skip("rabbitmq-server is not installed; install it, or set AMQP_URL")
    with tempfile.TemporaryDirectory(prefix="carbon-aware-tests-") as folder:
        inherited = dict(os.environ)  # noqa: TID251 - handed on to the server
        node = PrivateBroker(Path(folder) / "rabbitmq", server, inherited)
        asyncio.run(node.start())
        try:
            yield node.amqp_url
        finally:
            asyncio.run(node.stop())

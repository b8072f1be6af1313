"""Fixtures for every test: a real RabbitMQ, and names of one's own on it."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.private_broker import PrivateBroker
from services.cli.rabbitmq_server import find_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the broker is marked so: `-m "not broker"` needs no RabbitMQ."""
    for item in items:
        if "amqp_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.broker)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Path:
    """The installed server; a build server without one fails, a developer's machine skips."""
    server = find_server()
    if server is not None:
        return server
    message = "rabbitmq-server is not installed: `make test` installs it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def amqp_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """AMQP_URL, or a private RabbitMQ that lives as long as the session."""
    given = os.environ.get("AMQP_URL")
    if given:
        yield given
        return
    server = request.getfixturevalue("rabbitmq_server")
    with tempfile.TemporaryDirectory(prefix="carbon-aware-tests-") as folder:
        node = PrivateBroker(Path(folder) / "rabbitmq", server, os.environ)
        asyncio.run(node.start())
        try:
            yield node.amqp_url
        finally:
            asyncio.run(node.stop())


@pytest.fixture
def namespace() -> str:
    """A prefix that no other test uses, for every exchange and queue of a test."""
    return f"t_{secrets.token_hex(4)}"

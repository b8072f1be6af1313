"""Fixtures for every test: a real RabbitMQ, names of one's own on it, and a real PostgreSQL."""

import os
import secrets
import signal
import threading
from pathlib import Path

import pytest

from services.cli.rabbitmq_server import find_server

pytest_plugins = [
    "services.testkit",
    "tests.chromium",
    "tests.postgres_server",
    "tests.waiting",
]


def pytest_configure() -> None:
    """Let Ctrl-C end what tests start.

    Whoever starts us in the background has interrupts ignored, and programs inherit that.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the broker is marked so: `-m "not broker"` needs no RabbitMQ."""
    for item in items:
        if {"amqp_url", "carbon_aware_broker"} & set(getattr(item, "fixturenames", ())):
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
def amqp_url(request: pytest.FixtureRequest) -> str:
    """AMQP_URL, or a private RabbitMQ that lives as long as the session."""
    if not os.environ.get("AMQP_URL"):
        request.getfixturevalue("rabbitmq_server")  # says what is missing, and fails in CI
    return str(request.getfixturevalue("carbon_aware_broker"))


@pytest.fixture
def namespace() -> str:
    """A prefix that no other test uses, for every exchange and queue of a test."""
    return f"t_{secrets.token_hex(4)}"

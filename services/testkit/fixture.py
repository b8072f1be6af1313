"""The fixture that makes systems under test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from services.testkit.system import RunningSystem, SystemOptions, SystemUnderTest
from shared.client import SyncJobClient

MakeSystem = Callable[..., AbstractContextManager[SystemUnderTest]]


@pytest.fixture
def carbon_aware(carbon_aware_broker: str) -> MakeSystem:
    """Makes systems under test, to be used in a `with` statement.

    Its arguments are the name of the module with your handlers, and optionally `consumers` (4
    jobs at once) and `jobs_file` (none: every type has the usual defaults).
    """
    return partial(_system, carbon_aware_broker)


@contextmanager
def _system(
    amqp_url: str, handlers: str, *, consumers: int = 4, jobs_file: Path | None = None
) -> Iterator[SystemUnderTest]:
    options = SystemOptions(amqp_url, handlers, consumers, jobs_file)
    running = RunningSystem(options)
    # The services get an event loop in a thread of their own, so that tests need none.
    with (
        start_blocking_portal(backend="asyncio") as portal,
        portal.wrap_async_context_manager(running),
        SyncJobClient(amqp_url, namespace=options.namespace, name="test") as client,
    ):
        yield SystemUnderTest(
            amqp_url, options.namespace, client, partial(portal.call, running.broadcast)
        )

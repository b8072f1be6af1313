"""Run a service: signals, a heartbeat, one line for an error that a user can act on."""

import asyncio
import inspect
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar
from uuid import uuid4

import structlog

from shared.broker.publish import Publisher
from shared.errors import CarbonAwareError, PublishFailed
from shared.logs import configure_logs
from shared.messages import ServiceBeat
from shared.settings import Settings
from shared.tasks import end

DISTRIBUTION = "carbon-aware-jobs"
SLOW_STOP_SECONDS = 10.0
"""Only a worker that drains takes longer, and whoever stops a service by force waits longer."""

Clock = Callable[[], datetime]
Fact = str | int | float | bool | None
Facts = Callable[[], Mapping[str, Fact]]
S = TypeVar("S", bound=Settings)

log = structlog.get_logger()


def system_clock() -> datetime:
    """The one place that reads the machine's clock."""
    return datetime.now(UTC)  # noqa: TID251 - this is its home


def product_version() -> str | None:
    """The installed version; None where the code runs without having been installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None


def system_random() -> float:
    """The one source of jitter, in [0, 1)."""
    return random.random()  # noqa: S311 - jitter is no secret


def run_service(
    name: str, settings: type[S], main: Callable[[S, asyncio.Event], Awaitable[None]]
) -> int:
    """Load settings, configure logs, and run `main` until SIGTERM or SIGINT.

    Args:
        name: the service's name.
        settings: its settings class.
        main: the service; it returns soon after its event is set.

    Returns:
        The exit code: 0 after a signal, else that of the error.
    """
    try:
        loaded = settings.load()
        configure_logs(name, loaded.log_level, as_json=loaded.log_json)
        asyncio.run(_until_signalled(name, main, loaded))
    except CarbonAwareError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a user reads this
        return error.exit_code
    return 0


async def _until_signalled(
    name: str, main: Callable[[S, asyncio.Event], Awaitable[None]], settings: S
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop.set()
        loop.call_later(SLOW_STOP_SECONDS, _tell_what_is_left, name)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    log.info("service started", name=name, pid=os.getpid())
    await main(settings, stop)
    log.info("service stopped", name=name)


def _tell_what_is_left(name: str) -> None:
    """Log what every task waits for, for whoever looks why a service does not end."""
    waits = sorted(" > ".join(_awaited(task.get_coro())) for task in asyncio.all_tasks())
    log.warning("still stopping", name=name, seconds=SLOW_STOP_SECONDS, tasks=waits)


def _awaited(waiting: object) -> Iterator[str]:
    """A coroutine's name, that of the one it waits for, and so on."""
    while inspect.iscoroutine(waiting):
        yield waiting.__qualname__
        waiting = waiting.cr_await


class Identity:
    """Which process this is: the instance name that its beats and events carry.

    Attributes:
        facts: what its beats tell that does not change: its version and its settings in force,
            each named `setting.<name>`.
    """

    def __init__(self, service: str, started_at: datetime, settings: Settings) -> None:
        """Name this process of a service."""
        in_force = settings.in_force().items()
        self.facts: dict[str, Fact] = {f"setting.{name}": value for name, value in in_force}
        self.facts["version"] = product_version()
        self.service = service
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self.started_at = started_at
        self.instance = f"{self.host}-{self.pid}"


@asynccontextmanager
async def beating(
    identity: Identity,
    publisher: Publisher,
    clock: Clock,
    facts: Facts,
    *,
    interval_seconds: float,
) -> AsyncIterator[None]:
    """Send `service.beat` at once and at every interval while the block runs."""
    task = asyncio.create_task(_beat_for_ever(identity, publisher, clock, facts, interval_seconds))
    try:
        yield
    finally:
        await end(task)


async def _beat_for_ever(
    identity: Identity, publisher: Publisher, clock: Clock, facts: Facts, interval_seconds: float
) -> None:
    while True:
        beat = ServiceBeat(
            id=uuid4(),
            at=clock(),
            service=identity.service,
            instance=identity.instance,
            host=identity.host,
            pid=identity.pid,
            started_at=identity.started_at,
            interval_seconds=interval_seconds,
            facts={**identity.facts, **facts()},
        )
        with suppress(PublishFailed):  # the next beat tells as much
            await publisher.event(beat, give_up_seconds=interval_seconds)
        await asyncio.sleep(interval_seconds)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for a time; True at once if the service is told to stop meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0.0)):
            await stop.wait()
    return stop.is_set()

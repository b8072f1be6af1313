"""The one home of connections: open one, or keep a session alive over reconnects."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from yarl import URL

from shared.broker.consumers_end import ConnectionOfConsumers
from shared.domain.retry import backoff_seconds
from shared.errors import BrokerUnreachable
from shared.tasks import end

CONNECT_SECONDS = 10.0
HEARTBEAT_SECONDS = 60
LOST = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError, OSError)
"""What a lost or refused connection raises."""

log = structlog.get_logger()


class Reach:
    """Whether a service has its broker, as its readiness tells it."""

    def __init__(self) -> None:
        """Begin without."""
        self._problem: str | None = "not connected yet"

    def problems(self) -> dict[str, str]:
        """What keeps the service from the broker; empty while it is connected."""
        return {} if self._problem is None else {"broker": self._problem}

    def gained(self) -> None:
        """Note a connection."""
        self._problem = None

    def lost(self, why: str) -> None:
        """Note why there is none."""
        self._problem = why


async def connect(
    url: str,
    name: str,
    *,
    heartbeat_seconds: int = HEARTBEAT_SECONDS,
    consumes: bool = False,
) -> AbstractConnection:
    """Open one plain connection, shown under `name` in the broker's own pages.

    The broker gives a silent client up after about two heartbeats. `closed()` ends when the
    connection is lost too. One that `consumes` closes when the broker ends a consumer of it.

    Raises:
        BrokerUnreachable: nothing answers there, or the login is refused.
    """
    kind = ConnectionOfConsumers if consumes else aio_pika.Connection
    address = URL(url).update_query(heartbeat=heartbeat_seconds)
    connection = kind(address, client_properties={"connection_name": name})
    try:
        await connection.connect(timeout=CONNECT_SECONDS)
    except BaseException as error:
        await connection.close()  # or its finalizer would want to, with or without a loop
        if isinstance(error, LOST):
            raise BrokerUnreachable(
                f"no RabbitMQ at {without_password(url)} ({_in_a_line(error)}); {_remedy(error)}"
            ) from error
        raise
    connection.close_callbacks.add(_close_what_is_lost)
    return connection


async def open_channel(connection: AbstractConnection) -> AbstractChannel:
    """A channel on which every publish is confirmed, and what no queue takes is an error.

    Raises:
        ConnectionError: the connection has just closed, which aio-pika calls a RuntimeError.
    """
    try:
        return await connection.channel(publisher_confirms=True, on_return_raises=True)
    except RuntimeError as error:
        raise ConnectionError(f"the connection is closed: {error}") from error


_closing: set[asyncio.Task[None]] = set()


def _close_what_is_lost(lost: AbstractConnection | None, _why: object) -> None:
    """Close our side too: until then aio-pika counts a lost connection as open.

    Not awaited, for closing waits until all these callbacks have ended. What somebody is closing
    already is left to them: a task of ours might outlive the program's loop.
    """
    if lost is not None and not lost.close_called:
        task = asyncio.ensure_future(lost.close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def keep_connected(
    url: str,
    name: str,
    session: Callable[[AbstractConnection], Awaitable[None]],
    stop: asyncio.Event,
    random: Callable[[], float],
    *,
    heartbeat_seconds: int = HEARTBEAT_SECONDS,
    reach: Reach | None = None,
) -> None:
    """Run `session` over a connection, again on a new one after each loss, until stopped.

    A session is cancelled when its connection closes. Work that a message started goes on; what
    it did not acknowledge is delivered again.
    """
    failures = 0
    reach = reach or Reach()
    while not stop.is_set():
        try:
            connection = await connect(
                url, name, heartbeat_seconds=heartbeat_seconds, consumes=True
            )
        except BrokerUnreachable as error:
            failures += 1
            reach.lost(str(error))
            log.warning("broker not reached, trying again", error=str(error), failures=failures)
        else:
            reach.gained()
            failures = 0 if await _run_session(connection, session) else failures + 1
            reach.lost("the connection was lost")
        if not stop.is_set():
            wait = backoff_seconds(
                max(failures, 1), jitter=random(), first_seconds=0.5, most_seconds=5
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await stop.wait()


async def _run_session(
    connection: AbstractConnection, session: Callable[[AbstractConnection], Awaitable[None]]
) -> bool:
    """True when the session ended by itself, False when its connection was lost."""
    closed = asyncio.ensure_future(connection.closed())
    running = asyncio.ensure_future(session(connection))
    try:
        await asyncio.wait({closed, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            return True
        log.warning("connection to the broker lost, reconnecting")
    except Exception as error:
        if not _is_loss(error, connection):
            raise
        log.warning("broker session failed, reconnecting", error=_in_a_line(error))
    finally:
        await end(running, closed)
        with suppress(*LOST):
            await connection.close()
    return False


def _is_loss(error: Exception, connection: AbstractConnection) -> bool:
    """Whether an error means that the connection was lost.

    Opening a channel on a connection that has just closed is a bare RuntimeError, and on one that
    closes meanwhile an Exception without a word; both may come before the connection itself says
    that it is closed.
    """
    if isinstance(error, LOST) or (type(error) is Exception and not error.args):
        return True
    ended = connection.is_closed or str(error).endswith(" closed")
    return isinstance(error, RuntimeError) and ended


def without_password(url: str) -> str:
    """An address that may be shown: host, port and virtual host."""
    parts = URL(url)
    vhost = "" if parts.path in {"", "/"} else parts.path
    usual_port = 5671 if parts.scheme == "amqps" else 5672
    return f"{parts.host}:{parts.port or usual_port}{vhost}"


def _remedy(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "check AMQP_CA_FILE, AMQP_CERT_FILE and AMQP_KEY_FILE"
    return "start one with `carbon-aware up`, or set AMQP_URL"


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

"""The one place that turns what a handler did into ack, set aside, or give back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from shared.errors import BrokenHandler, CarbonAwareError, MessageError
from shared.tracing import NO_TRACING, Tracing, handling

GIVE_BACK_SECONDS = 1.0
PASSING = (CarbonAwareError, AMQPError, ChannelInvalidStateError, OSError)
"""What has to do with the world around and not with the message."""

Handle = Callable[[AbstractIncomingMessage], Awaitable[None]]
SetAside = Callable[[AbstractIncomingMessage, str], Awaitable[None]]

log = structlog.get_logger()


def settling(
    handle: Handle,
    set_aside: SetAside,
    tracing: Tracing = NO_TRACING,
    *,
    queue: str | None = None,
    apart: bool = False,
) -> Handle:
    """Wrap a handler so that every message it gets is settled.

    The handler returns: acknowledged. It raises MessageError: kept aside with the reason, then
    acknowledged. The broker, a file or another service failed: given back to the queue after a
    moment, so nothing is lost. Anything else is given back once; a message that breaks its
    handler again is kept aside, for it would do so for ever. A cancelled handler leaves its
    message to the broker, which delivers it again.

    Args:
        handle: works on one message.
        set_aside: keeps one with a reason.
        tracing: records the work.
        queue: where the messages come from; by default it has the name of exchange and key.
        apart: whether they have waited there for long.
    """

    async def settled(message: AbstractIncomingMessage) -> None:
        try:
            with handling(tracing, message, queue, apart=apart):
                await _handle_or_set_aside(message, handle, set_aside)
        except PASSING as error:
            await _give_back_later(message, error)
        else:
            await acknowledge(message)

    return settled


async def _handle_or_set_aside(
    message: AbstractIncomingMessage, handle: Handle, set_aside: SetAside
) -> None:
    try:
        await handle(message)
    except MessageError as error:
        log.warning("message set aside", message_id=message.message_id, reason=str(error))
        await set_aside(message, str(error))
    except PASSING:
        raise
    except Exception as error:
        log.exception("message broke its handler", message_id=message.message_id)
        if not message.redelivered:
            raise BrokenHandler(f"{type(error).__name__}: {error}") from error
        await set_aside(message, f"it broke the service twice: {type(error).__name__}: {error}")


def may_pass(error: BaseException) -> bool:
    """Whether a message is to be tried again for as long as it takes: it is not what is wrong."""
    return isinstance(error, PASSING) and not isinstance(error, MessageError)


async def _give_back_later(message: AbstractIncomingMessage, error: Exception) -> None:
    log.warning(
        "message given back to its queue",
        queue=message.routing_key,
        message_id=message.message_id,
        error=str(error) or type(error).__name__,
    )
    await asyncio.sleep(GIVE_BACK_SECONDS)
    await give_back(message)


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Settle a message; on a channel that is gone the broker delivers it again."""
    with suppress(ChannelInvalidStateError, AMQPError, ConnectionError):
        await message.ack()


async def give_back(message: AbstractIncomingMessage) -> None:
    """Return a message that was not worked on to its queue."""
    with suppress(ChannelInvalidStateError, AMQPError, ConnectionError):
        await message.nack(requeue=True)

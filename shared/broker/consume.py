"""The one place that turns what a handler did into ack, set aside, or give back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from shared.errors import MessageError

GIVE_BACK_SECONDS = 1.0

Handle = Callable[[AbstractIncomingMessage], Awaitable[None]]
SetAside = Callable[[AbstractIncomingMessage, str], Awaitable[None]]

log = structlog.get_logger()


def settling(handle: Handle, set_aside: SetAside) -> Handle:
    """Wrap a handler so that every message it gets is settled.

    The handler returns: acknowledged. It raises MessageError: kept aside with the reason, then
    acknowledged. Anything else: given back to the queue after a moment, so nothing is lost.
    A cancelled handler leaves its message to the broker, which delivers it again.
    """

    async def settled(message: AbstractIncomingMessage) -> None:
        try:
            await _handle_or_set_aside(message, handle, set_aside)
        except Exception as error:
            log.warning(
                "message given back to its queue",
                queue=message.routing_key,
                message_id=message.message_id,
                error=str(error) or type(error).__name__,
                exc_info=not isinstance(error, OSError),
            )
            await asyncio.sleep(GIVE_BACK_SECONDS)
            await give_back(message)
        else:
            await acknowledge(message)

    return settled


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Settle a message; on a channel that is gone the broker delivers it again."""
    with suppress(ChannelInvalidStateError, AMQPError, ConnectionError):
        await message.ack()


async def give_back(message: AbstractIncomingMessage) -> None:
    """Return a message that was not worked on to its queue."""
    with suppress(ChannelInvalidStateError, AMQPError, ConnectionError):
        await message.nack(requeue=True)


async def _handle_or_set_aside(
    message: AbstractIncomingMessage, handle: Handle, set_aside: SetAside
) -> None:
    try:
        await handle(message)
    except MessageError as error:
        log.warning("message set aside", message_id=message.message_id, reason=str(error))
        await set_aside(message, str(error))

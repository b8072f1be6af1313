"""Reading the streams: their history once, or from a point in time on for ever."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from shared.broker.consume import acknowledge
from shared.broker.topology import Queue
from shared.errors import Undecodable
from shared.messages import (
    AnyControl,
    IntensityRevised,
    IntensityUpdated,
    JobClaimed,
    decode_claim,
    decode_control,
    decode_event,
)

IDLE_SECONDS = 1.0  # a stream has no end; this long without a message means caught up
PREFETCH = 200
Told = IntensityUpdated | IntensityRevised
Offset = datetime | Literal["first", "last", "next"] | int
"""Where reading begins; a number is a message's own, counted from 0."""

log = structlog.get_logger()


async def read_history(connection: AbstractConnection, queue: Queue, since: datetime) -> list[Told]:
    """The updates in a stream since a time and the revisions among them, oldest first."""
    found: list[Told] = []
    arrived = asyncio.Event()

    def keep(body: bytes, _number: int) -> None:
        event = decode_event(body)
        if isinstance(event, IntensityUpdated | IntensityRevised):
            found.append(event)
            arrived.set()

    channel = await connection.channel()
    await _follow(channel, queue, since, keep)
    while True:
        arrived.clear()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await arrived.wait()
        except TimeoutError:
            await channel.close()
            return [told for told in found if told.at >= since]


async def follow(
    channel: AbstractChannel,
    queue: Queue,
    offset: Offset,
    take: Callable[[IntensityUpdated], None],
) -> None:
    """Give every update from an offset on to `take`, in order, as long as the channel lives.

    A time as the offset starts at the chunk that contains it, so somewhat older updates may
    come first; so they do with `last`.
    """

    def take_event(body: bytes, _number: int) -> None:
        event = decode_event(body)
        if isinstance(event, IntensityUpdated):
            take(event)

    await _follow(channel, queue, offset, take_event)


async def follow_control(
    channel: AbstractChannel,
    queue: Queue,
    offset: Offset,
    take: Callable[[AnyControl, int], None],
) -> None:
    """The same for the control messages; `take` gets each with its number in the stream."""

    def take_control(body: bytes, number: int) -> None:
        take(decode_control(body), number)

    await _follow(channel, queue, offset, take_control)


async def follow_claims(
    channel: AbstractChannel,
    queue: Queue,
    offset: Offset,
    take: Callable[[JobClaimed, int], None],
) -> None:
    """The same for the claims."""

    def take_claim(body: bytes, number: int) -> None:
        take(decode_claim(body), number)

    await _follow(channel, queue, offset, take_claim)


async def _follow(
    channel: AbstractChannel, queue: Queue, offset: Offset, take: Callable[[bytes, int], None]
) -> None:
    async def on_message(message: AbstractIncomingMessage) -> None:
        number = message.headers.get("x-stream-offset")
        try:
            take(message.body, number if isinstance(number, int) else 0)
        except Undecodable as error:
            log.warning("stream message skipped", queue=queue.name, reason=str(error))
        await acknowledge(message)

    await channel.set_qos(PREFETCH)
    stream = await channel.get_queue(queue.name, ensure=False)
    await stream.consume(on_message, arguments={"x-stream-offset": offset})

"""A consumer that the broker ends would wait for ever; its connection is closed instead.

The broker cancels a consumer when its queue is deleted, and in a cluster when the node that led the
queue is lost. Whoever consumes over the connection begins anew then, as after any other loss, and
finds what there is now.
"""

import asyncio
from typing import Any

import structlog
from aio_pika import Channel, Connection

log = structlog.get_logger()


class ConsumersEnd(Channel):
    """A channel that closes its connection when the broker ends one of its consumers."""

    _ending: asyncio.Task[None] | None = None

    async def _on_open(self) -> None:
        await super()._on_open()
        underlay = await self.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self._consumer_ended)

    async def _consumer_ended(self, _frame: Any) -> None:  # noqa: ANN401 - aiormq's
        # Not awaited here: the channel's reader calls this, and closing waits for that reader.
        if self._ending is None:
            log.warning("the broker has ended a consumer, connecting again")
            self._ending = asyncio.ensure_future(self._connection.close())


class ConnectionOfConsumers(Connection):
    """A connection whose channels do that."""

    CHANNEL_CLASS = ConsumersEnd

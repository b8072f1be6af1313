"""Messages that are published again as they came."""

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType


def copy_of(message: AbstractIncomingMessage, headers: HeadersType) -> aio_pika.Message:
    """A message as it came, with other headers, to be published again."""
    return aio_pika.Message(
        message.body,
        headers=headers,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        reply_to=message.reply_to,
        timestamp=message.timestamp,
        correlation_id=message.correlation_id,
        message_id=message.message_id,
        type=message.type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )

"""Messages that are published again as they came: set aside, and sent on their way once more."""

from collections.abc import Mapping
from datetime import datetime

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType

from shared.broker.topology import RETRY_KEY, SUBMIT_KEY

REASON_HEADER = "x-reason"
KEPT_AT_HEADER = "x-kept-at"
"""Why and when a message was put into `jobs.dead` or `jobs.rejected`."""
CAME_BY_HEADER = "x-came-by"
"""The routing key of a message in `jobs.rejected`: it says who may have sent that."""
KEEPING_HEADERS = frozenset(
    {REASON_HEADER, KEPT_AT_HEADER, CAME_BY_HEADER, "x-delivery-count", "x-death"}
)
ROUTING_HEADERS = frozenset({"CC", "BCC"})


def aside(delivery: AbstractIncomingMessage, why: Mapping[str, str | datetime]) -> aio_pika.Message:
    """The copy of a message for `jobs.rejected`.

    Args:
        delivery: the message.
        why: headers with the reason and the time.
    """
    # CC and BCC would have the broker route the copy on, back to where it came from.
    kept = {key: value for key, value in delivery.headers.items() if key not in ROUTING_HEADERS}
    return _copy_of(delivery, {**kept, **why, CAME_BY_HEADER: delivery.routing_key or ""})


def again(kept: AbstractIncomingMessage) -> tuple[str, aio_pika.Message]:
    """A message of `jobs.rejected` as it was, and the routing key to publish it with.

    What was submitted has to pass the door again; only what services sent to each other is taken
    for an accepted job.
    """
    headers = {key: kept.headers[key] for key in kept.headers if key not in KEEPING_HEADERS}
    submitted = kept.headers.get(CAME_BY_HEADER, SUBMIT_KEY) == SUBMIT_KEY
    return SUBMIT_KEY if submitted else RETRY_KEY, _copy_of(kept, headers)


def _copy_of(message: AbstractIncomingMessage, headers: HeadersType) -> aio_pika.Message:
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

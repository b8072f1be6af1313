"""The wire contract: every message as a frozen model with its name and version.

Readers ignore unknown fields; only the door that users submit through forbids them.
"""

from shared.messages.base import (
    Message,
    explain,
)
from shared.messages.codec import (
    decode_event,
    decode_queued,
    decode_submit,
    encode,
    message_name,
    routing_key,
)
from shared.messages.events import (
    AnyEvent,
    Attempted,
    Decided,
    Event,
    Finished,
    IntensityUpdated,
    JobAccepted,
    JobDeferred,
    JobDied,
    JobEvent,
    JobExpired,
    JobFailed,
    JobRejected,
    JobReleased,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PoolResized,
    ServiceBeat,
)
from shared.messages.jobs import (
    JobSubmit,
    JobType,
    Kwh,
    QueuedJob,
    Reply,
    Seconds,
    Watts,
)

__all__ = [
    "AnyEvent",
    "Attempted",
    "Decided",
    "Event",
    "Finished",
    "IntensityUpdated",
    "JobAccepted",
    "JobDeferred",
    "JobDied",
    "JobEvent",
    "JobExpired",
    "JobFailed",
    "JobRejected",
    "JobReleased",
    "JobRetried",
    "JobStarted",
    "JobSubmit",
    "JobSucceeded",
    "JobType",
    "Kwh",
    "Message",
    "PoolResized",
    "QueuedJob",
    "Reply",
    "Seconds",
    "ServiceBeat",
    "Watts",
    "decode_event",
    "decode_queued",
    "decode_submit",
    "encode",
    "explain",
    "message_name",
    "routing_key",
]

"""Traces from a job's submission to the ledger: what carries them, and what records them.

A trace is carried by every message in the plain headers `traceparent` and `tracestate` (W3C Trace
Context), which are passed on whether or not anything records spans. `shared.telemetry` records
them with OpenTelemetry; without it, nothing does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
MOST_STATE = 512
"""Characters of a trace state that have to be passed on (W3C Trace Context, 3.3.1.5)."""
_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The place in a trace that a message was sent from; empty where it is in none."""

    parent: str | None = None
    state: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> "Trace":
        """What a message carries; what is malformed counts as none."""
        parent, state = headers.get(TRACEPARENT), headers.get(TRACESTATE)
        if not isinstance(parent, str) or _FORM.fullmatch(parent) is None:
            return cls()
        kept = isinstance(state, str) and 0 < len(state) <= MOST_STATE
        return cls(parent, str(state) if kept else None)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry it."""
        pairs = {TRACEPARENT: self.parent, TRACESTATE: self.state}
        return {name: value for name, value in pairs.items() if value is not None}

    @property
    def trace_id(self) -> str | None:
        """What all of the trace has in common: 32 hexadecimal digits."""
        found = _FORM.fullmatch(self.parent or "")
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a span tells of a message.

    Attributes:
        exchange: where it was published; empty for the default one.
        queue: where it was delivered from; None while it is published.
        job_id: of the job that it is about, the conversation of its messages.
    """

    exchange: str
    key: str
    queue: str | None = None
    message_id: str | None = None
    job_id: str | None = None
    delivery_tag: int | None = None

    @classmethod
    def delivered(cls, message: AbstractIncomingMessage, queue: str | None) -> "Envelope":
        """Of a delivery; a queue that is not named has the name of its exchange and key."""
        exchange, key = message.exchange or "", message.routing_key or ""
        return cls(
            exchange,
            key,
            queue or f"{exchange}.{key}",
            message.message_id,
            message.correlation_id,
            message.delivery_tag,
        )


class Tracing(Protocol):
    """Records spans, or does not."""

    def sending(
        self, envelope: Envelope, carried: Trace, *, begins: bool
    ) -> AbstractContextManager[Trace]:
        """A publish; the trace that it gives goes into the message's headers.

        Args:
            envelope: of the message.
            carried: the trace that the message is in already, given back where no span is made.
            begins: whether it may begin a trace; others only go on with one.
        """

    def processing(
        self, envelope: Envelope, carried: Trace, *, apart: bool
    ) -> AbstractContextManager[None]:
        """The work on a delivery.

        Args:
            envelope: of the delivery.
            carried: the trace that the delivery is in.
            apart: whether it has waited for long: a trace of its own then, linked to that one.
        """

    def recording(
        self, deliveries: Sequence[tuple[Envelope, Trace]]
    ) -> AbstractContextManager[None]:
        """The work on a batch of deliveries, each in its own trace."""

    def link(self, trace: Trace) -> None:
        """Link the span of this moment to another trace, too."""

    def current(self) -> Trace:
        """The span of this moment; empty where there is none."""


class NoTracing:
    """Passes traces on and records nothing."""

    def sending(
        self,
        envelope: Envelope,  # noqa: ARG002 - nothing is recorded
        carried: Trace,
        *,
        begins: bool,  # noqa: ARG002 - nothing begins
    ) -> AbstractContextManager[Trace]:
        """The message keeps the trace that it carries."""
        return nullcontext(carried)

    def processing(
        self,
        envelope: Envelope,  # noqa: ARG002 - nothing is recorded
        carried: Trace,  # noqa: ARG002
        *,
        apart: bool,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def recording(
        self,
        deliveries: Sequence[tuple[Envelope, Trace]],  # noqa: ARG002 - nothing is recorded
    ) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def link(self, trace: Trace) -> None:
        """Nothing."""

    def current(self) -> Trace:
        """None."""
        return Trace()


NO_TRACING = NoTracing()


@contextmanager
def sending(
    tracing: Tracing, message: Message, exchange: str, key: str, *, begins: bool
) -> Iterator[None]:
    """Publish a message: in a span, and with its trace in the message's headers."""
    envelope = Envelope(exchange, key, message_id=message.message_id, job_id=message.correlation_id)
    with tracing.sending(envelope, Trace.of(message.headers), begins=begins) as trace:
        message.headers.update(trace.headers)
        yield


@contextmanager
def handling(
    tracing: Tracing, message: AbstractIncomingMessage, queue: str | None, *, apart: bool
) -> Iterator[None]:
    """Work on a delivery: in a span, and with its job and its trace in every line of the logs."""
    carried = Trace.of(message.headers)
    envelope = Envelope.delivered(message, queue)
    with tracing.processing(envelope, carried, apart=apart):
        trace_id = tracing.current().trace_id or carried.trace_id
        told = {"trace_id": trace_id, "job_id": _job_of(message)}
        known = {name: value for name, value in told.items() if value is not None}
        with structlog.contextvars.bound_contextvars(**known):
            yield


def _job_of(message: AbstractIncomingMessage) -> str | None:
    """An accepted job's id; a submission's correlation id is its sender's affair."""
    return message.correlation_id if message.type == "job.queued.v1" else None

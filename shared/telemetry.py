"""Spans by OpenTelemetry, after its conventions for messaging; needs the extra `otel`.

Spans are named `send {destination}` and `process {destination}`, and have the attributes of the
semantic conventions for RabbitMQ (https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from shared.tracing import NO_TRACING, Envelope, Trace, Tracing

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanContext

log = structlog.get_logger()


class OpenTelemetry:
    """Records spans with a tracer provider."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Take the provider; whoever made it shuts it down."""
        from opentelemetry import context, trace  # noqa: PLC0415 - an extra that need not be installed
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as above
            TraceContextTextMapPropagator,
        )

        self._trace = trace
        self._empty = context.Context
        self._tracer = provider.get_tracer("carbon-aware-jobs")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def sending(self, envelope: Envelope, carried: Trace, *, begins: bool) -> Iterator[Trace]:
        """A span `send ...`, where a trace goes on or may begin."""
        inside = self._trace.get_current_span().get_span_context().is_valid
        if not inside and not begins:
            yield carried
            return
        context = None if inside else self._context(carried)
        kind = self._trace.SpanKind.PRODUCER
        attributes = _attributes(envelope, "send")
        with (
            self._tracer.start_as_current_span(
                f"send {envelope.exchange}", context, kind=kind, attributes=attributes
            ) as span,
            _failing(span),
        ):
            yield self.current()

    @contextmanager
    def processing(self, envelope: Envelope, carried: Trace, *, apart: bool) -> Iterator[None]:
        """A span `process ...`: a child of the message's, or linked to it."""
        there = self._span_context(carried)
        spanning = self._tracer.start_as_current_span(
            # The places of the wheel are too many for names of spans.
            f"process {envelope.exchange if apart else envelope.queue}",
            self._empty() if apart else self._context(carried),
            kind=self._trace.SpanKind.CONSUMER,
            attributes=_attributes(envelope, "process"),
            links=[self._trace.Link(there)] if apart and there.is_valid else [],
        )
        with spanning as span, _failing(span):
            yield

    @contextmanager
    def recording(self, deliveries: Sequence[tuple[Envelope, Trace]]) -> Iterator[None]:
        """A span for each delivery that is in a trace; none of them is the current one."""
        with ExitStack() as spans:
            for envelope, carried in deliveries:
                if carried.parent is not None:
                    span = self._tracer.start_span(
                        f"process {envelope.queue}",
                        self._context(carried),
                        kind=self._trace.SpanKind.CONSUMER,
                        attributes=_attributes(envelope, "process"),
                    )
                    spans.callback(span.end)
            yield

    def link(self, trace: Trace) -> None:
        """Link the current span to a trace, unless it is in it already."""
        span, other = self._trace.get_current_span(), self._span_context(trace)
        known = [each.context for each in getattr(span, "links", ())]
        if other.is_valid and other not in known:
            span.add_link(other)

    def current(self) -> Trace:
        """The current span as headers carry it."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return Trace.of(headers)

    def _context(self, carried: Trace) -> "Context":
        """One in which the carried span is the current one, and nothing else is."""
        return self._propagator.extract(carried.headers, self._empty())

    def _span_context(self, carried: Trace) -> "SpanContext":
        return self._trace.get_current_span(self._context(carried)).get_span_context()


@contextmanager
def _failing(span: "Span") -> Iterator[None]:
    """Name what the block raises; the span itself notes that it failed."""
    try:
        yield
    except Exception as error:
        span.set_attribute("error.type", type(error).__name__)
        raise


def _attributes(envelope: Envelope, operation: str) -> dict[str, str | int]:
    """What the conventions name of a message; what is not known is left out."""
    parts = [envelope.exchange, envelope.key]
    if envelope.queue is not None and envelope.queue not in parts:
        parts.append(envelope.queue)
    told: dict[str, str | int | None] = {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": ":".join(part for part in parts if part),
        "messaging.rabbitmq.destination.routing_key": envelope.key or None,
        "messaging.rabbitmq.message.delivery_tag": envelope.delivery_tag,
        "messaging.message.id": envelope.message_id,
        "messaging.message.conversation_id": envelope.job_id,
    }
    return {name: value for name, value in told.items() if value is not None}


@asynccontextmanager
async def telemetry(service: str, endpoint: str | None) -> AsyncIterator[Tracing]:
    """What records the spans of a service while the block runs; the last ones are sent at its end.

    Args:
        service: its name, under which the spans are found.
        endpoint: where an OpenTelemetry collector takes OTLP over HTTP; None records nothing.
    """
    if endpoint is None:
        yield NO_TRACING
        return
    if not _installed():
        log.warning("no traces are sent: the extra `otel` is not installed", endpoint=endpoint)
        yield NO_TRACING
        return
    provider = _provider(service, endpoint)
    try:
        yield OpenTelemetry(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def _provider(service: str, endpoint: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    resource = Resource.create({"service.namespace": "carbon-aware-jobs", "service.name": service})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider

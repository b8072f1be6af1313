"""Traces on messages: what is carried, what is recorded, what the logs say."""

import builtins
import json
import logging
import sys

import aio_pika
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared import telemetry as telemetry_module
from shared.broker import consume as consume_module
from shared.broker.consume import settling
from shared.errors import ConfigurationError, Undecodable
from shared.logs import configure_logs
from shared.settings import Settings
from shared.telemetry import OpenTelemetry, telemetry
from shared.tracing import MOST_STATE, NO_TRACING, Envelope, Trace, sending

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"

ANYTHING = st.text("0123456789abcdef-=,x", max_size=60) | st.integers() | st.just(PARENT)


class Delivery:
    """A message as a consumer gets it."""

    def __init__(self, headers=None, **fields):
        self.headers = headers or {}
        self.exchange, self.routing_key = "jobs.ready", "R.normal"
        self.message_id, self.correlation_id = "m", "7"
        self.type, self.delivery_tag, self.redelivered = "job.queued.v1", 3, False
        self.acknowledged = self.returned = 0
        vars(self).update(fields)

    async def ack(self):
        self.acknowledged += 1

    async def nack(self, *, requeue):
        self.returned += requeue


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield OpenTelemetry(provider)
    provider.shutdown()


def publish(tracing, headers=None, key="submit", *, begins=True, exchange="jobs"):
    """The headers that a message leaves with."""
    message = aio_pika.Message(b"", message_id="m", headers=headers or {})
    with sending(tracing, message, exchange, key, begins=begins):
        pass
    return dict(message.headers)


async def consume(tracing, delivery, handle=None, **options):
    async def nothing(_message):
        pass

    async def set_aside(_message, _reason):
        pass

    await settling(handle or nothing, set_aside, tracing, **options)(delivery)


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate"]), ANYTHING))
def test_whatever_a_sender_writes_is_a_trace_or_none(headers):
    trace = Trace.of(headers)
    assert trace.headers.items() <= headers.items()
    assert trace.state is None or trace.parent is not None


def test_a_trace_is_read_and_written_as_it_was():
    headers = {"traceparent": PARENT, "tracestate": "vendor=1"}
    assert Trace.of(headers).headers == headers
    assert Trace.of(headers).trace_id == TRACE_ID


@pytest.mark.parametrize("parent", ["", "00-xyz", PARENT.upper(), PARENT + "-more", 7, None])
def test_a_malformed_trace_counts_as_none(parent):
    assert Trace.of({"traceparent": parent}) == Trace()


def test_a_state_that_is_too_long_is_left_out():
    headers = {"traceparent": PARENT, "tracestate": "x" * (MOST_STATE + 1)}
    assert Trace.of(headers).headers == {"traceparent": PARENT}


def test_without_a_recorder_headers_pass_unchanged():
    headers = {"traceparent": PARENT, "tracestate": "vendor=1", "x-mine": 1}
    assert publish(NO_TRACING, headers) == headers


def test_a_submission_begins_a_trace(tracing, exporter):
    headers = publish(tracing)
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("send jobs", SpanKind.PRODUCER, None)
    assert Trace.of(headers).trace_id == f"{span.context.trace_id:032x}"


def test_a_submission_goes_on_with_its_sender_s_trace(tracing, exporter):
    headers = publish(tracing, {"traceparent": PARENT, "tracestate": "vendor=1"})
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert headers["tracestate"] == "vendor=1"
    assert headers["traceparent"] != PARENT


def test_what_belongs_to_no_trace_begins_none(tracing, exporter):
    assert publish(tracing, key="service.beat", begins=False) == {}
    assert exporter.get_finished_spans() == ()


async def test_a_delivery_is_a_child_of_what_was_sent(tracing, exporter):
    headers = publish(tracing)
    await consume(tracing, Delivery(headers))
    sent, processed = exporter.get_finished_spans()
    assert (processed.name, processed.kind) == (
        "process jobs.ready.R.normal",
        SpanKind.CONSUMER,
    )
    assert processed.parent.span_id == sent.context.span_id
    assert processed.links == ()


async def test_after_a_long_wait_a_delivery_is_linked_and_no_child(tracing, exporter):
    headers = publish(tracing)
    delivery = Delivery(headers, exchange="jobs.delayed", routing_key="017")
    await consume(tracing, delivery, apart=True)
    sent, processed = exporter.get_finished_spans()
    assert (processed.name, processed.parent) == ("process jobs.delayed", None)
    assert [link.context.span_id for link in processed.links] == [sent.context.span_id]


async def test_a_delivery_without_a_trace_begins_one(tracing, exporter):
    await consume(tracing, Delivery(), apart=True)
    (processed,) = exporter.get_finished_spans()
    assert (processed.parent, processed.links) == (None, ())


async def test_what_is_published_meanwhile_is_a_child(tracing, exporter):
    async def handle(_message):
        publish(tracing, key="job.started", begins=False, exchange="events")

    await consume(tracing, Delivery(), handle)
    told, processed = exporter.get_finished_spans()
    assert told.name == "send events"
    assert told.parent.span_id == processed.context.span_id


async def test_attributes_follow_the_conventions_for_rabbitmq(tracing, exporter):
    await consume(tracing, Delivery())
    publish(tracing)
    processed, sent = exporter.get_finished_spans()
    assert dict(processed.attributes) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "jobs.ready:R.normal:jobs.ready.R.normal",
        "messaging.rabbitmq.destination.routing_key": "R.normal",
        "messaging.rabbitmq.message.delivery_tag": 3,
        "messaging.message.id": "m",
        "messaging.message.conversation_id": "7",
    }
    assert sent.attributes["messaging.destination.name"] == "jobs:submit"
    assert sent.attributes["messaging.operation.type"] == "send"


async def test_a_failure_is_on_its_span_and_handled_as_ever(tracing, exporter, monkeypatch):
    async def handle(_message):
        raise OSError("no disk left")

    monkeypatch.setattr(consume_module, "GIVE_BACK_SECONDS", 0)
    delivery = Delivery()
    await consume(tracing, delivery, handle)
    assert (delivery.acknowledged, delivery.returned) == (0, 1)
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "OSError"


async def test_a_message_that_is_set_aside_is_acknowledged(tracing, exporter):
    async def handle(_message):
        raise Undecodable("not JSON")

    delivery = Delivery()
    await consume(tracing, delivery, handle)
    assert delivery.acknowledged == 1
    assert len(exporter.get_finished_spans()) == 1


def test_a_batch_has_a_span_for_each_delivery_in_a_trace(tracing, exporter):
    envelope = Envelope("events", "job.started", "ledger.events")
    with tracing.recording([(envelope, Trace(PARENT)), (envelope, Trace())]):
        assert tracing.current() == Trace()
    (span,) = exporter.get_finished_spans()
    assert span.name == "process ledger.events"
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]


async def test_a_link_is_made_once(tracing, exporter):
    async def handle(_message):
        tracing.link(Trace(PARENT))
        tracing.link(Trace())

    await consume(tracing, Delivery({"traceparent": PARENT}), handle, apart=True)
    (span,) = exporter.get_finished_spans()
    assert len(span.links) == 1


@pytest.fixture
def logs_as_before():
    """What `configure_logs` changes is changed back for the tests that follow."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("recorded", [True, False])
async def test_every_line_of_the_logs_has_the_job_and_the_trace(tracing, capsys, recorded):
    configure_logs("worker_pool", as_json=True)
    log = structlog.get_logger()

    async def handle(_message):
        log.info("working")

    await consume(tracing if recorded else NO_TRACING, Delivery({"traceparent": PARENT}), handle)
    log.info("idle")
    working, idle = map(json.loads, capsys.readouterr().err.splitlines())
    assert (working["job_id"], working["trace_id"]) == ("7", TRACE_ID)
    assert "trace_id" not in idle


async def test_a_submission_s_correlation_id_is_no_job(capsys):
    seen = []

    async def handle(_message):
        seen.append(structlog.contextvars.get_contextvars())

    await consume(NO_TRACING, Delivery(type="job.submit.v1"), handle)
    assert "job_id" not in seen[0]


async def test_nothing_is_recorded_without_an_endpoint():
    async with telemetry("ledger", None) as found:
        assert found is NO_TRACING


async def test_without_the_extra_a_line_says_so_and_the_service_works(monkeypatch):
    monkeypatch.setattr(telemetry_module, "find_spec", lambda _: None)
    with structlog.testing.capture_logs() as logs:
        async with telemetry("ledger", "http://127.0.0.1:4318") as found:
            assert found is NO_TRACING
    assert "`otel` is not installed" in logs[0]["event"]


async def test_with_both_spans_are_recorded():
    async with telemetry("ledger", "http://127.0.0.1:1") as found:
        assert isinstance(found, OpenTelemetry)


def test_the_core_imports_without_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("opentelemetry", "shared.tele"))]:
        monkeypatch.delitem(sys.modules, name)
    importing = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert importing("shared.telemetry").telemetry.telemetry


def test_an_endpoint_that_is_no_address_is_named(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318")
    with pytest.raises(ConfigurationError, match="otel_exporter_otlp_endpoint"):
        Settings.load()

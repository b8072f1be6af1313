"""One chain of spans from a job's submission to the ledger, across its deferral."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.ledger.recorder import Recorder
from services.ledger.service import Batching, Ledger
from shared.broker.connection import keep_connected
from shared.broker.publish import Publisher
from shared.ledger.schema import migrate, open_engine
from shared.messages import JobDeferred, JobSubmit, JobSucceeded
from shared.runtime import system_clock, system_random
from shared.telemetry import OpenTelemetry

CLEAN, DIRTY = 160.0, 640.0


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
async def traced(deployment, exporter):
    """The deployment, with spans of all that it publishes and handles."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    untraced = deployment.publisher
    deployment.publisher = Publisher(
        deployment.url, deployment.topology, "traced", tracing=OpenTelemetry(provider)
    )
    yield deployment
    await deployment.publisher.close()
    deployment.publisher = untraced
    provider.shutdown()


@asynccontextmanager
async def recording(deployment, tmp_path):
    """The ledger, inside the test."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    engine, stop = open_engine(url), asyncio.Event()
    ledger = Ledger(
        Recorder(engine),
        deployment.publisher,
        deployment.topology.ledger_events,
        Batching(events=50, seconds=0.01, prefetch=100),
        stop,
        system_clock,
    )
    task = asyncio.create_task(
        keep_connected(deployment.url, "ledger", ledger.session, stop, system_random)
    )
    try:
        yield ledger
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task
        engine.dispose()


def named(exporter, *words):
    """The finished spans whose name begins and whose destination ends like this."""
    name, ending = words
    return [
        span
        for span in exporter.get_finished_spans()
        if span.name.startswith(name)
        and span.attributes["messaging.destination.name"].endswith(ending)
    ]


def parent_of(exporter, span):
    """The span that a span is a child of."""
    (parent,) = [
        each
        for each in exporter.get_finished_spans()
        if span.parent is not None and each.context.span_id == span.parent.span_id
    ]
    return parent


async def test_a_deferred_job_is_one_chain_from_submission_to_ledger(
    traced, exporter, until, tmp_path
):
    await traced.grid([DIRTY] * 4 + [CLEAN] * 16, period=1.0)
    handled = []
    async with (
        recording(traced, tmp_path),
        traced.scheduler(),
        traced.pool({"t": lambda payload, _: handled.append(payload)}),
    ):
        job = JobSubmit(type="t", deadline_seconds=20, expected_duration_seconds=1)
        await traced.publisher.submit(job, message_id="m-1")
        await until(lambda: traced.seen(JobSucceeded), 30)
        await until(lambda: named(exporter, "process", f"job.succeeded:{ledger_queue(traced)}"))
    assert traced.seen(JobDeferred)
    (submitted,) = named(exporter, "send", ":submit")
    (taken,) = named(exporter, "process", ":submit:" + traced.topology.submitted.name)
    assert submitted.parent is None
    assert parent_of(exporter, taken) is submitted

    # The deferral ends the first trace; the release begins another one, with links to it.
    (released,) = named(exporter, "send", ":R.normal")
    opened = parent_of(exporter, released)
    assert opened.kind is SpanKind.CONSUMER
    assert opened.parent is None
    assert opened.context.trace_id != submitted.context.trace_id
    deferring, created = opened.links
    assert created.context.span_id == submitted.context.span_id
    first = [
        s for s in named(exporter, "send", "") if s.context.span_id == deferring.context.span_id
    ]
    assert [parent_of(exporter, span) for span in first] == [taken]

    (worked,) = named(exporter, "process", ":R.normal:" + ready_queue(traced))
    assert parent_of(exporter, worked) is released
    (told,) = named(exporter, "send", ":job.succeeded")
    assert parent_of(exporter, told) is worked
    (recorded,) = named(exporter, "process", f"job.succeeded:{ledger_queue(traced)}")
    assert parent_of(exporter, recorded) is told
    assert recorded.context.trace_id == opened.context.trace_id


def ledger_queue(deployment):
    return deployment.topology.ledger_events.name


def ready_queue(deployment):
    return f"{deployment.topology.ready.name}.R.normal"


async def test_a_job_that_runs_at_once_is_one_trace(traced, exporter, until, tmp_path):
    await traced.grid([CLEAN] * 12)
    async with (
        recording(traced, tmp_path),
        traced.scheduler(),
        traced.pool({"t": lambda _payload, _context: None}),
    ):
        await traced.publisher.submit(JobSubmit(type="t"), message_id="m-1")
        await until(lambda: named(exporter, "process", f"job.succeeded:{ledger_queue(traced)}"))
    (submitted,) = named(exporter, "send", ":submit")
    spans = exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans} == {submitted.context.trace_id}
    assert [span for span in spans if span.links] == []


async def test_a_sender_s_own_trace_is_carried_with_nobody_recording(deployment, until):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await deployment.grid([DIRTY] * 20 + [CLEAN] * 5, period=1.0)
    headers = {"traceparent": parent, "tracestate": "vendor=1"}
    async with deployment.scheduler():
        await submit_with(deployment, headers)
        (deferred,) = await until(lambda: deployment.seen(JobDeferred))
        place = deployment.topology.place(deferred.slot % deployment.topology.wheel_slots)
        await until(lambda: has_messages(deployment, place))
    waiting = await deployment.fetch(place)
    assert {name: waiting.headers[name] for name in headers} == headers


async def submit_with(deployment, headers):
    publish = deployment.publisher._publish
    message = deployment.publisher._message(
        JobSubmit(type="t", deadline_seconds=28, expected_duration_seconds=1)
        .model_dump_json(exclude_none=True)
        .encode(),
        "job.submit.v1",
    )
    message.headers.update(headers)
    await publish(deployment.topology.jobs, "submit", message)


async def has_messages(deployment, queue):
    return await deployment.count(queue) > 0

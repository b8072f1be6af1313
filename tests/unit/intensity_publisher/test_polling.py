"""Around a poll: where its work is done, and how the forecaster's months are read."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from services.intensity_publisher import service as module
from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain, Link
from services.intensity_publisher.classifier import Classifier
from services.intensity_publisher.metrics import Metrics
from services.intensity_publisher.providers import Observation
from services.intensity_publisher.service import IntensityPublisher, Method
from services.intensity_publisher.settings import BandMode
from shared.broker.topology import Topology
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import SourceUnreachable

NOW = datetime(2026, 3, 1, 12, 4, tzinfo=UTC)
PERIOD = timedelta(minutes=30)
WEEK_SECONDS = 7 * 86_400.0


def reading(at, *, simulated=False):
    value = 300.0 + 5 * (at.hour * 2 + at.minute // 30)
    return Reading("R", at, 1800, Signal.MARGINAL, "a", simulated, value)


class Source:
    """Has the present point, or does not answer."""

    name, signal = "a", Signal.MARGINAL

    def __init__(self, *, simulated=False):
        self.simulated, self.away = simulated, False

    async def observe(self, _region, now):
        if self.away:
            raise SourceUnreachable("a does not answer")
        at = now.replace(minute=now.minute // 30 * 30)
        return Observation(reading(at, simulated=self.simulated), None)

    async def close(self):
        pass


class Archive:
    """Keeps everything, or does not answer; notes what it is asked for."""

    def __init__(self, error=None):
        self.error, self.spans = error, []

    async def readings(self, _region, start, end):
        self.spans.append((start, end))
        if self.error:
            raise self.error
        first = start.replace(minute=0, second=0, microsecond=0)
        return [reading(first + n * PERIOD) for n in range(int((end - first) / PERIOD) + 1)]


class Publisher:
    """Keeps what is broadcast."""

    def __init__(self):
        self.updates, self.told = [], asyncio.Event()

    async def broadcast(self, update, _region):
        self.updates.append(update)
        self.told.set()


class Stage:
    """A publisher of one region whose clock stands."""

    def __init__(self, archive=None, *, simulated=False):
        self.now, self.source, self.publisher = NOW, Source(simulated=simulated), Publisher()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.service = IntensityPublisher(
            Chain({"R": [Link(self.source, 3600)]}),
            Backfill({"R": archive} if archive else {}),
            self.publisher,
            Topology(("R",), 2),
            Method(BandMode.RELATIVE, WEEK_SECONDS),
            self.metrics,
            lambda: self.now,
            lambda: 0.5,
        )
        self.foresights = self.service._foresights["R"]
        self.classifier = Classifier("R", BandMode.RELATIVE, WEEK_SECONDS, self.foresights)

    async def poll(self):
        await self.service._poll(self.classifier)
        return self.publisher.updates[-1]

    def on(self, rung):
        """Whether the region's data are said to be of a rung; None where nothing is said."""
        labels = {"region": "R", "freshness": rung.value}
        return self.registry.get_sample_value("carbonq_intensity_freshness", labels)


async def test_an_update_is_made_in_a_thread_while_the_event_loop_goes_on(monkeypatch):
    stage, made_in = Stage(), []
    loop, begun, turned = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(self, *given):
        made_in.append(threading.current_thread())
        loop.call_soon_threadsafe(begun.set)
        assert turned.wait(5), "the event loop stands still"
        return made(self, *given)

    made = Classifier.observed
    monkeypatch.setattr(Classifier, "observed", slow)
    polling = asyncio.create_task(stage.poll())
    async with asyncio.timeout(5):
        await begun.wait()
    turned.set()
    assert (await polling).reading.intensity_g_per_kwh is not None
    assert made_in[0] is not threading.main_thread()


async def test_a_failed_poll_too_is_made_in_a_thread(monkeypatch):
    stage, made_in, made = Stage(), [], Classifier.failed
    monkeypatch.setattr(
        Classifier,
        "failed",
        lambda self, *given: made_in.append(threading.current_thread()) or made(self, *given),
    )
    await stage.poll()
    stage.source.away = True
    assert (await stage.poll()).reason == "a does not answer"
    assert made_in[0] is not threading.main_thread()


async def test_two_months_are_read_once_and_serve_the_next_update():
    archive = Archive()
    stage = Stage(archive)
    assert (await stage.poll()).forecast is None
    await stage.service._deepen(stage.classifier)
    await stage.service._deepen(stage.classifier)
    assert archive.spans == [(NOW - timedelta(days=60), NOW - timedelta(days=7))]
    stage.now += PERIOD
    update = await stage.poll()
    assert update.forecast.end >= stage.now + timedelta(hours=48)
    assert update.forecast_issued_until is None
    values = update.forecast.values_g_per_kwh
    truth = [
        reading(update.forecast.start + n * PERIOD).intensity_g_per_kwh for n in range(len(values))
    ]
    assert sum(abs(one - other) for one, other in zip(values, truth, strict=True)) < 5 * len(values)


async def test_where_the_archive_fails_the_polls_go_on_and_it_is_asked_again_later():
    archive = Archive(SourceUnreachable("not in the plan"))
    stage = Stage(archive)
    await stage.poll()
    await stage.service._deepen(stage.classifier)
    assert not stage.foresights.filled
    stage.now += PERIOD
    assert (await stage.poll()).reading.at == stage.now.replace(minute=30)
    archive.error = None
    await stage.service._deepen(stage.classifier)
    assert (len(archive.spans), stage.foresights.filled) == (2, True)


async def test_a_recording_played_round_and_round_is_not_asked_for_its_future():
    archive = Archive()
    stage = Stage(archive, simulated=True)
    await stage.poll()
    await stage.service._deepen(stage.classifier)
    assert archive.spans == []


async def test_who_leads_no_more_tells_no_more_of_the_region(monkeypatch):
    stage = Stage()

    async def at_once(*_):
        return True

    async def nothing(*_):
        return []

    monkeypatch.setattr(module, "wait_for_lead", at_once)
    monkeypatch.setattr(module, "read_history", nothing)
    async with asyncio.TaskGroup() as tasks:
        lead = tasks.create_task(stage.service._lead(None, "R", asyncio.Event(), tasks))
        async with asyncio.timeout(5):
            await stage.publisher.told.wait()
        assert stage.on(Freshness.LIVE)
        stage.now += timedelta(days=1)
        assert stage.metrics.stale_regions(stage.now)
        lead.cancel()  # as a lost connection does
    assert stage.on(Freshness.LIVE) is None
    assert stage.metrics.stale_regions(stage.now) == {}
    assert not stage.metrics.polls()


async def test_a_source_that_has_never_answered_leaves_its_region_unknown():
    stage = Stage()
    stage.source.away = True
    await stage.service._poll(stage.classifier)
    assert stage.publisher.updates == []
    assert (stage.on(Freshness.UNKNOWN), stage.on(Freshness.LIVE)) == (1, 0)


async def test_before_anything_was_seen_no_archive_is_read():
    archive = Archive()
    stage = Stage(archive)
    await stage.service._deepen(stage.classifier)
    assert archive.spans == []


def test_an_update_on_two_months_of_five_minute_points_is_quick():
    stage = Stage()
    start = NOW.replace(minute=0) - timedelta(days=60)
    for step in range(60 * 288):
        at = start + timedelta(minutes=5 * step)
        value = 300.0 + at.hour * 10 + step % 7
        stage.classifier.learn(Reading("R", at, 300, Signal.MARGINAL, "a", False, value))
    spent = []
    for step in range(5):
        at = start + timedelta(days=60, minutes=5 * step)
        seen = Observation(Reading("R", at, 300, Signal.MARGINAL, "a", False, 300.0), None)
        before = time.thread_time()
        update = stage.classifier.observed(seen, at, f"00000000-0000-4000-8000-00000000000{step}")
        spent.append(time.thread_time() - before)
    assert len(update.forecast.values_g_per_kwh) == 576
    assert sorted(spent)[2] < 0.15

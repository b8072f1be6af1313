"""A pool's size, and what it starts, holds and gives back."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.worker_pool.capacity import Base, Limit
from services.worker_pool.pool import Pool
from shared.domain.bands import Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.jobs import Lane
from shared.messages import IntensityUpdated

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BASE = Base(consumers=4, prefetch=2)


def update(band, at=NOW):
    reading = Reading("R", at, 300, Signal.MARGINAL, "watttime", False, 200.0)
    return IntensityUpdated(id=uuid4(), at=at, reading=reading, band=band, freshness=Freshness.LIVE)


@pytest.mark.parametrize(
    ("band", "consumers", "prefetch"),
    [
        (Band.VERY_LOW, 8, 4),
        (Band.LOW, 6, 3),
        (Band.MEDIUM, 4, 2),
        (Band.HIGH, 2, 1),
        (Band.VERY_HIGH, 1, 1),
        (Band.UNKNOWN, 4, 2),
    ],
)
def test_the_band_sets_consumers_and_prefetch(band, consumers, prefetch):
    limit = BASE.limit(update(band), NOW)
    assert (limit.consumers, limit.prefetch, limit.band) == (consumers, prefetch, band)
    assert band.words in limit.reason


def test_an_old_update_leaves_the_grid_unknown():
    limit = BASE.limit(update(Band.VERY_HIGH), NOW + timedelta(seconds=901))
    assert (limit.band, limit.consumers) == (Band.UNKNOWN, 4)
    assert limit.reason == "no update of the grid for 901 s"


def test_before_the_first_update_the_base_holds():
    assert BASE.limit(None, NOW).consumers == 4


class Message:
    """A delivered message that notes whether it was given back."""

    def __init__(self, name, tag="c1"):
        self.name, self.consumer_tag, self.returned = name, tag, False


class Bench:
    """A pool whose jobs run until they are told to end."""

    def __init__(self, consumers):
        self.started, self.gates = [], {}
        self.pool = Pool(self.work, self.hand_back, limit(consumers))

    async def hand_back(self, lane, message):
        message.returned = True

    async def work(self, message):
        self.started.append(message.name)
        self.gates[message.name] = asyncio.Event()
        await self.gates[message.name].wait()

    async def take(self, *names, lane=Lane.NORMAL, tag="c1"):
        messages = [Message(name, tag) for name in names]
        for message in messages:
            await self.pool.take(lane, message)
        await asyncio.sleep(0)
        return messages

    async def end(self, name):
        self.gates[name].set()
        for _ in range(5):
            await asyncio.sleep(0)


def limit(consumers):
    return Limit(consumers, 1, Band.MEDIUM, "test")


@pytest.fixture
async def bench_of():
    benches = []

    def build(consumers):
        benches.append(Bench(consumers))
        return benches[-1]

    yield build
    for bench in benches:
        bench.pool.forget_held()
        await bench.pool.drain(0)


async def test_no_more_jobs_run_than_the_limit_allows(bench_of):
    bench = bench_of(2)
    await bench.take("a", "b", "c")
    assert (bench.started, bench.pool.running, bench.pool.held) == (["a", "b"], 2, 1)
    await bench.end("a")
    assert bench.started == ["a", "b", "c"]


async def test_urgent_jobs_overtake_what_is_held(bench_of):
    bench = bench_of(1)
    await bench.take("running")
    await bench.take("background", lane=Lane.BACKGROUND)
    await bench.take("normal")
    await bench.take("urgent", lane=Lane.URGENT)
    for name in ("running", "urgent", "normal"):
        await bench.end(name)
    assert bench.started == ["running", "urgent", "normal", "background"]


async def test_growth_starts_held_jobs_at_once(bench_of):
    bench = bench_of(1)
    await bench.take("a", "b", "c")
    bench.pool.resize(limit(3))
    await asyncio.sleep(0)
    assert bench.started == ["a", "b", "c"]


async def test_shrinking_interrupts_nothing_and_starts_nothing_until_below_the_limit(bench_of):
    bench = bench_of(3)
    await bench.take("a", "b", "c", "d")
    bench.pool.resize(limit(1))
    assert bench.pool.running == 3
    await bench.end("a")
    await bench.end("b")
    assert bench.started == ["a", "b", "c"]
    await bench.end("c")
    assert bench.started == ["a", "b", "c", "d"]


async def test_what_an_ended_consumer_delivered_and_has_not_started_goes_back(bench_of):
    bench = bench_of(1)
    running, held = await bench.take("a", "b")
    (other,) = await bench.take("c", tag="c2")
    assert await bench.pool.return_held({"c1"}) == 1
    assert (running.returned, held.returned, other.returned) == (False, True, False)


async def test_a_drain_waits_for_what_runs_and_cuts_after_the_grace(bench_of):
    bench = bench_of(2)
    await bench.take("quick", "slow")
    bench.gates["quick"].set()
    assert await bench.pool.drain(0.05) == 1
    assert bench.pool.running == 0

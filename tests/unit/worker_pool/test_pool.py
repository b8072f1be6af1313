"""What a pool starts, holds and gives back."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker_pool.capacity import Limit, Rule
from services.worker_pool.pool import Pool
from shared.domain.bands import Band
from shared.domain.jobs import Lane
from shared.domain.lanes import reserved_places

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Message:
    """A delivered message that notes to which lane it was given back."""

    def __init__(self, name, tag="c1"):
        self.name, self.consumer_tag, self.returned = name, tag, None


class Bench:
    """A pool whose jobs run until they are told to end."""

    def __init__(self, consumers, band):
        self.started, self.gates, self.now, self.stubborn = [], {}, NOW, set()
        self.pool = Pool(self.work, self.hand_back, limit(consumers, band), lambda: self.now)

    async def hand_back(self, lane, message):
        message.returned = lane

    async def work(self, message):
        self.started.append(message.name)
        gate = self.gates[message.name] = asyncio.Event()
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                if message.name not in self.stubborn:
                    raise

    async def take(self, *names, lane=Lane.NORMAL, tag="c1", latest_start=None):
        messages = [Message(name, tag) for name in names]
        for message in messages:
            await self.pool.take(lane, message, latest_start)
        await asyncio.sleep(0)
        return messages

    async def end(self, *names):
        for name in names:
            self.gates[name].set()
        for _ in range(5):
            await asyncio.sleep(0)


def limit(consumers, band=Band.MEDIUM):
    return Limit(consumers, 1, band, 1.0, Rule.BAND, "test")


@pytest.fixture
async def bench_of():
    benches = []

    def build(consumers, band=Band.MEDIUM):
        benches.append(Bench(consumers, band))
        return benches[-1]

    yield build
    for bench in benches:
        bench.stubborn.clear()
        bench.pool.forget_held()
        await bench.pool.cut()


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


async def test_a_background_job_does_not_starve_behind_urgent_ones(bench_of):
    bench = bench_of(1)
    await bench.take("u0", lane=Lane.URGENT)
    await bench.take("background", lane=Lane.BACKGROUND)
    for number in range(1, 13):
        await bench.take(f"u{number}", lane=Lane.URGENT)
        await bench.end(bench.started[-1])
    assert bench.started.index("background") == 10


async def test_in_a_bad_band_a_place_stays_free_for_an_urgent_job(bench_of):
    bench = bench_of(4, Band.HIGH)
    await bench.take("a", "b", "c", "d")
    assert (bench.started, bench.pool.held) == (["a", "b", "c"], 1)
    await bench.take("urgent", lane=Lane.URGENT)
    assert bench.started == ["a", "b", "c", "urgent"]
    bench.pool.resize(limit(4, Band.MEDIUM))
    await bench.end("urgent")
    assert bench.started[-1] == "d"


async def test_a_held_job_becomes_urgent_when_its_latest_start_is_reached(bench_of):
    bench = bench_of(1)
    await bench.take("running")
    await bench.take("early")
    await bench.take("due", latest_start=NOW + timedelta(seconds=60))
    assert bench.pool.held_in(Lane.URGENT) == 0
    bench.now += timedelta(seconds=60)
    bench.pool.resize(limit(1))
    assert (bench.pool.held_in(Lane.URGENT), bench.pool.held) == (1, 2)
    await bench.end("running")
    assert bench.started == ["running", "due"]


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


async def test_a_paused_pool_starts_nothing_and_lets_finish_what_runs(bench_of):
    bench = bench_of(1)
    await bench.take("a", "b")
    bench.pool.resize(limit(0))
    await bench.end("a")
    assert (bench.started, bench.pool.running) == (["a"], 0)
    bench.pool.resize(limit(1))
    await asyncio.sleep(0)
    assert bench.started == ["a", "b"]


async def test_what_an_ended_consumer_delivered_and_has_not_started_goes_back(bench_of):
    bench = bench_of(1)
    running, held = await bench.take("a", "b")
    (other,) = await bench.take("c", tag="c2")
    assert await bench.pool.return_held({"c1"}) == 1
    assert (running.returned, held.returned, other.returned) == (None, Lane.NORMAL, None)


async def test_held_messages_can_be_taken_out(bench_of):
    bench = bench_of(1)
    await bench.take("a", "b", "c")
    (out,) = bench.pool.take_out(lambda message: message.name == "b")
    assert (out.name, bench.pool.held) == ("b", 1)
    await bench.end("a")
    assert bench.started == ["a", "c"]


async def test_what_ends_within_the_grace_is_waited_for(bench_of):
    bench = bench_of(2)
    await bench.take("quick", "slow")
    bench.gates["quick"].set()
    assert await bench.pool.wait_idle(0.05) is False
    bench.gates["slow"].set()
    assert await bench.pool.wait_idle(5) is True


async def test_a_cut_gives_back_what_still_runs(bench_of):
    bench = bench_of(2)
    (message,) = await bench.take("slow", lane=Lane.BACKGROUND)
    assert await bench.pool.cut() == 1
    assert (message.returned, bench.pool.running) == (Lane.BACKGROUND, 0)


async def test_a_cut_gives_back_also_what_does_not_let_itself_be_ended(bench_of, monkeypatch):
    monkeypatch.setattr("services.worker_pool.pool.CANCEL_SECONDS", 0.01)
    bench = bench_of(2)
    bench.stubborn.add("stubborn")
    (message,) = await bench.take("stubborn")
    assert await bench.pool.cut() == 1
    assert message.returned is Lane.NORMAL


async def test_a_job_that_broke_gives_its_place_to_the_next(caplog):
    runs = Counter()

    async def work(message):
        runs[message.name] += 1
        raise RuntimeError("broken")

    pool = Pool(work, lambda lane, message: None, limit(1), lambda: NOW)
    for name in ("a", "b"):
        await pool.take(Lane.NORMAL, Message(name))
    assert await pool.wait_idle(5)
    for _ in range(5):
        await asyncio.sleep(0)
    assert runs == {"a": 1, "b": 1}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from(list(Lane))),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("resize"), st.tuples(st.integers(0, 6), st.sampled_from(list(Band)))),
        st.tuples(st.just("return"), st.sampled_from(["even", "odd"])),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_happens_no_start_exceeds_the_limit_and_no_message_is_lost(walk):
    asyncio.run(_walked(walk))


async def _walked(walk):
    bench = _Walk()
    for what, how in walk:
        await bench.step(what, how)
        for _ in range(3):
            await asyncio.sleep(0)
    pool = bench.pool
    assert len(bench.taken) == len(bench.started) + len(bench.returned) + pool.held
    assert len(set(bench.started)) == len(bench.started), "none ran twice"
    assert set(bench.started).isdisjoint(bench.returned)
    places = pool.limit.consumers - reserved_places(pool.limit.consumers, pool.limit.band)
    if pool.held and pool.running < places:
        raise AssertionError("a place is free and nothing starts")
    pool.forget_held()
    await pool.cut()


class _Walk:
    """A pool, with a check at each start that it was within the limit of that moment."""

    def __init__(self):
        self.taken, self.started, self.returned, self.gates = [], [], [], {}
        self.pool = Pool(self.work, self.hand_back, limit(2), lambda: NOW)

    async def step(self, what, how):
        if what == "take":
            name = len(self.taken)
            self.taken.append(name)
            await self.pool.take(how, Message(name, "even" if name % 2 == 0 else "odd"))
        elif what == "end" and how < len(self.gates):
            list(self.gates.values())[how].set()
        elif what == "resize":
            self.pool.resize(limit(*how))
        elif what == "return":
            await self.pool.return_held({how})

    async def hand_back(self, lane, message):
        self.returned.append(message.name)

    def work(self, message):
        assert self.pool.running < self.pool.limit.consumers
        return self._work(message)

    async def _work(self, message):
        self.started.append(message.name)
        gate = self.gates[message.name] = asyncio.Event()
        await gate.wait()
        del self.gates[message.name]

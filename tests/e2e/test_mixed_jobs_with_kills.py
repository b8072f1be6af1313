"""Two thousand jobs of mixed kinds while the band walks and both workers are killed."""

import asyncio
import os
import signal
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from shared.broker.publish import Publisher
from shared.broker.topology import Topology
from shared.domain.bands import KNOWN_BANDS, Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.ledger import reads
from shared.ledger.tables import attempts, jobs, pool_sizes
from shared.messages import IntensityUpdated
from shared.runtime import system_clock

HANDLERS = """
import asyncio, time
from pydantic import BaseModel
from shared.handlers import Paused, Reject, handler

class Work(BaseModel):
    number: int

@handler("quick")
async def quick(work: Work):
    await asyncio.sleep(0.02)
    return work.number

@handler("thread")
def in_a_thread(work: Work):
    time.sleep(0.05)
    return work.number

@handler("process", process=True)
def in_a_process(work: Work):
    return work.number + 0 * sum(range(100_000))

@handler("flaky")
async def flaky(work: Work, context):
    if context.attempt == 1:
        raise ConnectionError("the share is away")
    return work.number

@handler("paused")
async def in_pieces(work: Work, context):
    for step in range(context.restored or 0, 10):
        await asyncio.sleep(0.1)
        if context.should_stop and step < 9:
            raise Paused(step + 1)
    return work.number

@handler("refused")
async def refused(work: Work):
    raise Reject("this one is not wanted")
"""
KINDS = {"quick": 1000, "thread": 500, "process": 280, "flaky": 100, "paused": 80, "refused": 20}
UNKNOWN_TYPES = 10
WRONG_PAYLOADS = 10
ALL = sum(KINDS.values()) + UNKNOWN_TYPES + WRONG_PAYLOADS
DEAD = KINDS["refused"] + UNKNOWN_TYPES + WRONG_PAYLOADS
REGION = "CAISO_NORTH"
INTENSITIES = dict(zip(KNOWN_BANDS, (100.0, 200.0, 300.0, 450.0, 600.0), strict=True))


@pytest.mark.e2e
@pytest.mark.timeout(420)
def test_none_is_lost_none_counted_twice_and_no_pool_starts_beyond_its_limit(up, tmp_path, until):
    (tmp_path / "mixed_handlers.py").write_text(HANDLERS)
    system = up(
        HANDLERS="mixed_handlers",
        PYTHONPATH=str(tmp_path),
        EMULATOR_SPEED="1",  # its next point is minutes away: the test is the grid
        SLOT_SECONDS="1",
        BEAT_SECONDS="1",
        MARGIN_SECONDS="1",
        BASE_CONSUMERS="8",
    )
    with system.publishing() as publish, walking_bands(system.endpoints["amqp_url"]):
        until(lambda: len(reads.pools(system.engine, system_clock())) == 2, 60)
        first = system.endpoints["pids"]["worker_pool-1"]
        for number, kind in enumerate(_kinds()):
            publish(_job(kind, number), message_id=str(uuid4()))
            if number == ALL // 3:
                os.kill(first, signal.SIGKILL)
        _kill_the_other(system, until)
        until(lambda: _final(system) == ALL, 300)
    _each_ended_once(system)
    _dead_letters_say_why(system)
    assert _starts_beyond_the_limit(system) == []
    assert _bands_seen(system) == set(KNOWN_BANDS)


def _kinds():
    """Every kind throughout, in a fixed mix."""
    left = Counter(KINDS) + Counter({"nobody_knows": UNKNOWN_TYPES, "wrong": WRONG_PAYLOADS})
    while left:
        for kind in sorted(left):
            for _ in range(max(1, left[kind] // 40)):
                if left[kind]:
                    left[kind] -= 1
                    yield kind
        left = +left


def _job(kind, number):
    payload = {"number": "many"} if kind == "wrong" else {"number": number}
    return {
        "type": "quick" if kind == "wrong" else kind,
        "payload": payload,
        "max_band": KNOWN_BANDS[number % 5].value,
        "priority": ("low", "normal", "high", "critical")[number % 4],
        "deadline_seconds": 45,
        "expected_duration_seconds": 1,
        "power_watts": 100,
        "interruptible": kind == "paused",
        "idempotency_key": f"mixed-{number}",
    }


@contextmanager
def walking_bands(amqp_url):
    """Broadcast a grid of one band after the other, two seconds each, for ever."""
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_walk(amqp_url, over)))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


async def _walk(amqp_url, over):
    publisher = Publisher(amqp_url, Topology((REGION,), 288), "grid of the test")
    path = [*KNOWN_BANDS, *reversed(KNOWN_BANDS[1:-1])]
    step = 0
    while not over.is_set():
        await publisher.broadcast(_update(path, step), REGION)
        step += 1
        await asyncio.to_thread(over.wait, 2.0)
    await publisher.close()


def _update(path, step):
    """Now, and the walk to come as the forecast."""
    now, ahead = system_clock(), [INTENSITIES[path[(step + n) % len(path)]] for n in range(60)]
    reading = Reading(REGION, now, 2.0, Signal.MARGINAL, "test", True, ahead[0])
    return IntensityUpdated(
        id=uuid4(),
        at=now,
        reading=reading,
        band=path[step % len(path)],
        freshness=Freshness.LIVE,
        forecast=Forecast(now, now, 2.0, tuple(ahead)),
        cuts=absolute_cuts(),
    )


def _kill_the_other(system, until):
    """The second worker too, once the first one's successor is at work."""
    second = system.endpoints["pids"]["worker_pool-2"]
    until(lambda: len(reads.pools(system.engine, system_clock())) >= 2, 60)
    os.kill(second, signal.SIGKILL)


def _final(system):
    counts = reads.statistics(system.engine, system_clock()).jobs
    return counts.succeeded + counts.dead


def _each_ended_once(system):
    with system.engine.connect() as connection:
        rows = connection.execute(select(jobs.c.id, jobs.c.state, jobs.c.result)).all()
        told = connection.execute(select(attempts.c.job_id, attempts.c.outcome)).all()
    assert len(rows) == ALL
    assert Counter(row.state for row in rows) == {"succeeded": ALL - DEAD, "dead": DEAD}
    results = [row.result for row in rows if row.state == "succeeded"]
    assert len(set(results)) == len(results), "each job's own result"
    succeeded = Counter(row.job_id for row in told if row.outcome == "succeeded")
    assert set(succeeded.values()) == {1}
    assert len(succeeded) == ALL - DEAD


def _dead_letters_say_why(system):
    with system.engine.connect() as connection:
        errors = [e or "" for e in connection.scalars(select(jobs.c.error)) if e]
    assert sum("known types: flaky" in error for error in errors) == UNKNOWN_TYPES
    assert sum("number" in error for error in errors) == WRONG_PAYLOADS, "the field is named"
    assert sum("this one is not wanted" in error for error in errors) == KINDS["refused"]


def _starts_beyond_the_limit(system):
    """Starts at which a pool ran more than any limit in force around that moment."""
    with system.engine.connect() as connection:
        rows = connection.execute(select(attempts)).all()
        sizes = connection.execute(select(pool_sizes).order_by(pool_sizes.c.at)).all()
    limits = defaultdict(list)
    for size in sizes:
        limits[size.pool].append((size.at, size.consumers))
    runs = defaultdict(list)
    for row in rows:
        if row.outcome is not None:  # a killed worker's last runs have no end
            runs[row.pool].append((row.started_at, row.finished_at))
    beyond = []
    for pool, spans in runs.items():
        for started, _ in spans:
            running = sum(begin <= started < end for begin, end in spans)
            if running > _most_allowed(limits[pool], started):
                beyond.append((pool, started, running))
    return beyond


def _most_allowed(limits, at):
    """The largest limit in force within a quarter of a second around an instant."""
    slack = timedelta(seconds=0.25)
    times = [time for time, _ in limits]
    first = max(0, bisect_right(times, at - slack) - 1)
    return max(size for _, size in limits[first : bisect_right(times, at + slack)])


def _bands_seen(system):
    with system.engine.connect() as connection:
        return {
            Band(band)
            for band in connection.scalars(
                select(pool_sizes.c.band).where(pool_sizes.c.band != "unknown")
            )
        }

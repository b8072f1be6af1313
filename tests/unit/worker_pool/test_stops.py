"""Asking what runs to stop, and turning away what is not to run."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from services.worker_pool.stops import Stops
from services.worker_pool.taking import MOST_REDELIVERIES, Taker
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Priority
from shared.errors import Undecodable
from shared.handlers import StopReason, StopSignal
from shared.messages import (
    CancelJob,
    IntensityUpdated,
    JobCancelled,
    PauseWork,
    QueuedJob,
    RunJobNow,
    Standing,
    encode,
)

NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
JOB = Job(
    UUID(int=7),
    "t",
    Priority.NORMAL,
    Band.LOW,
    NOW,
    NOW + timedelta(hours=1),
    600.0,
    ("R",),
    interruptible=True,
)
CANCEL = CancelJob(id=UUID(int=1), at=NOW, by="ana", job_id=JOB.id, reason="wrong data")


class Message:
    def __init__(self, queued, **headers):
        self.body = queued if isinstance(queued, bytes) else encode(queued)
        self.headers = headers


class Running:
    """Stands where a running attempt stands."""

    def __init__(self, started_at):
        self.started_at, self.stop, self.was_cut = started_at, StopSignal(), asyncio.Event()

    def cut(self):
        self.was_cut.set()


class Attempts:
    """Runs jobs until they are let go."""

    def __init__(self):
        self.running, self.runs, self.given_up, self.gate = {}, [], [], asyncio.Event()

    async def run(self, queued, pool, region):
        self.runs.append(queued)
        self.running[queued.job.id] = Running(NOW)
        await self.gate.wait()
        del self.running[queued.job.id]

    async def give_up(self, queued, pool, region, deliveries):
        self.given_up.append(deliveries)


class Out:
    def __init__(self):
        self.events, self.resumed = [], []

    async def event(self, event):
        self.events.append(event)

    async def resume(self, queued):
        self.resumed.append(queued)


class Bench:
    """One pool's taker and stops, with nothing real around them."""

    def __init__(self, grace=10.0):
        self.now, self.out, self.attempts, self.standing = NOW, Out(), Attempts(), Standing()
        self.taker = Taker("p", "R", self.attempts, self.out, self.standing, lambda: self.now)
        self.stops = Stops(
            self.taker,
            self.attempts,
            self.standing,
            lambda: self.now,
            cancel_grace_seconds=grace,
            slot_seconds=300.0,
        )
        self.tasks = []

    async def start(self, job=JOB, **changes):
        queued = QueuedJob(job=job, **changes)
        self.tasks.append(asyncio.create_task(self.taker.work(Message(queued))))
        for _ in range(3):
            await asyncio.sleep(0)
        return self.attempts.running[job.id]

    async def end(self):
        self.attempts.gate.set()
        await asyncio.gather(*self.tasks)


@pytest.fixture
async def bench():
    here = Bench()
    yield here
    await here.end()


def update(values, band=Band.HIGH):
    reading = Reading("R", NOW - timedelta(seconds=60), 300, Signal.MARGINAL, "t", False, values[0])
    return IntensityUpdated(
        id=UUID(int=2),
        at=NOW,
        reading=reading,
        band=band,
        freshness=Freshness.LIVE,
        forecast=Forecast(NOW, NOW - timedelta(seconds=60), 300, tuple(values)),
        cuts=absolute_cuts(),
    )


DIRTY_THEN_CLEAN = [500.0, 100.0, 100.0, 500.0]


async def test_a_cancelled_job_is_dropped_before_it_runs_and_that_is_told(bench):
    bench.standing.take(CANCEL)
    await bench.taker.work(Message(QueuedJob(job=JOB)))
    assert bench.attempts.runs == []
    (told,) = bench.out.events
    assert isinstance(told, JobCancelled)
    assert (told.job_id, told.by, told.reason) == (JOB.id, "ana", "wrong data")
    assert (told.attempt, told.energy_kwh) == (None, None)
    assert told.id == uuid5(JOB.id, "cancelled"), "a second copy tells the same event"


async def test_a_paused_type_goes_back_whole_and_unspent(bench):
    bench.standing.take(PauseWork(id=UUID(int=3), at=NOW, job_type="t", region="R"))
    queued = QueuedJob(job=replace(JOB, attempts=1), slot=9, checkpoint={"n": 1}, piece=2)
    await bench.taker.work(Message(queued))
    assert bench.attempts.runs == []
    assert bench.out.resumed == [queued.model_copy(update={"slot": None})]
    assert bench.out.events == []


async def test_what_nobody_will_run_is_known_without_a_place(bench):
    assert not bench.taker.unwanted(Message(QueuedJob(job=JOB)))
    bench.standing.take(CANCEL)
    assert bench.taker.unwanted(Message(QueuedJob(job=JOB)))
    assert not bench.taker.unwanted(Message(b"nonsense")), "its turn comes to be set aside"
    with pytest.raises(Undecodable):
        await bench.taker.work(Message(b"nonsense"))


async def test_each_piece_of_an_attempt_runs_once(bench):
    bench.attempts.gate.set()
    for piece in (1, 1, 2, 2):
        await bench.taker.work(Message(QueuedJob(job=JOB, piece=piece)))
    await bench.taker.work(Message(QueuedJob(job=replace(JOB, attempts=1))))
    assert [(run.job.attempts, run.piece) for run in bench.attempts.runs] == [
        (0, 1),
        (0, 2),
        (1, 1),
    ]


async def test_a_copy_waits_for_the_run_that_is_under_way(bench):
    await bench.start()
    copy = asyncio.create_task(bench.taker.work(Message(QueuedJob(job=JOB))))
    await asyncio.sleep(0)
    assert not copy.done()
    await bench.end()
    await copy
    assert len(bench.attempts.runs) == 1


async def test_a_job_that_took_its_worker_down_too_often_is_not_run(bench):
    message = Message(QueuedJob(job=JOB), **{"x-delivery-count": MOST_REDELIVERIES})
    await bench.taker.work(message)
    assert (bench.attempts.runs, bench.attempts.given_up) == ([], [MOST_REDELIVERIES])


async def test_a_cancelled_handler_is_asked_and_left_to_stop_by_itself(bench):
    attempt = await bench.start()
    cancelling = asyncio.create_task(bench.stops.cancel(CANCEL, bench.stops.running(CANCEL)))
    await asyncio.sleep(0)
    assert (attempt.stop.reason, attempt.stop.by, attempt.stop.why) == (
        StopReason.CANCEL,
        "ana",
        "wrong data",
    )
    await bench.end()
    await cancelling
    assert not attempt.was_cut.is_set()


async def test_a_cancelled_handler_that_goes_on_is_ended_after_the_grace():
    bench = Bench(grace=0.01)
    attempt = await bench.start()
    await bench.stops.cancel(CANCEL, bench.stops.running(CANCEL))
    assert attempt.was_cut.is_set()
    await bench.end()


async def test_a_cancellation_of_a_job_elsewhere_is_not_ours(bench):
    await bench.start()
    other = CANCEL.model_copy(update={"job_id": UUID(int=8)})
    assert bench.stops.running(other) is None


async def test_an_interruptible_job_is_asked_to_pause_where_its_rest_had_better_wait(bench):
    attempt = await bench.start()
    bench.stops.pause(update([500.0] * 4))
    assert not attempt.stop.asked, "nothing cleaner is in sight"
    bench.stops.pause(update(DIRTY_THEN_CLEAN, band=Band.LOW))
    assert not attempt.stop.asked, "it accepts the band"
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    assert attempt.stop.reason is StopReason.PAUSE
    assert attempt.stop.why == (
        "the grid is high, the job's limit is low, and cleaner slots are expected in time"
    )


@pytest.mark.parametrize(("seconds_run", "asked"), [(0, False), (100, True), (700, False)])
async def test_only_what_is_left_to_run_has_to_find_room(bench, seconds_run, asked):
    """Two clean slots hold 600 of 700 seconds; past its expectation a job is left alone."""
    attempt = await bench.start(replace(JOB, expected_duration_seconds=700.0))
    attempt.started_at = NOW - timedelta(seconds=seconds_run)
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    assert attempt.stop.asked is asked


async def test_a_later_piece_counts_what_was_left_and_not_the_whole(bench):
    long = replace(JOB, expected_duration_seconds=7200.0)
    attempt = await bench.start(long, piece=2, remaining_seconds=600.0)
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    assert attempt.stop.asked


async def test_a_job_that_is_not_interruptible_is_neither_paused_nor_drained(bench):
    attempt = await bench.start(replace(JOB, interruptible=False))
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    bench.stops.drain()
    assert not attempt.stop.asked


async def test_a_job_that_somebody_wants_now_is_not_paused(bench):
    attempt = await bench.start()
    bench.standing.take(RunJobNow(id=UUID(int=3), at=NOW, job_id=JOB.id))
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    assert not attempt.stop.asked
    bench.stops.drain()
    assert attempt.stop.reason is StopReason.DRAIN


async def test_what_was_wanted_before_a_replay_does_not_keep_the_job_from_pausing(bench):
    asked_at = JOB.submitted_at - timedelta(minutes=1)
    attempt = await bench.start(replace(JOB, attempts=2, attempts_at_replay=2))
    bench.standing.take(RunJobNow(id=UUID(int=3), at=asked_at, job_id=JOB.id))
    bench.stops.pause(update(DIRTY_THEN_CLEAN))
    assert attempt.stop.asked


async def test_a_worker_that_ends_asks_interruptible_jobs_and_cuts_the_others(bench):
    patient = await bench.start()
    other = await bench.start(replace(JOB, id=UUID(int=8), interruptible=False))
    bench.stops.drain()
    assert (patient.stop.reason, other.stop.reason) == (StopReason.DRAIN, None)
    assert bench.stops.cut() == 2
    assert other.stop.reason is StopReason.DRAIN
    assert patient.was_cut.is_set()
    assert other.was_cut.is_set()

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from services.cli.event_words import event_line
from services.cli.submit import wait_until_final
from services.cli.watch import follow, recorded_events
from shared.domain.jobs import State
from shared.domain.savings import EnergyMethod
from shared.errors import WaitTimedOut
from shared.ledger.schema import open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    Action,
    AnyEvent,
    ControlTaken,
    JobCancelled,
    JobPaused,
    JobProgressed,
    JobRejected,
    JobReplayed,
    JobRetried,
    message_name,
)
from shared.runtime import system_clock

SAVER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
WAITER = UUID("bbbbbbbb-0000-4000-8000-000000000002")


@pytest.fixture
def engine(filled_ledger: str) -> Iterator[Engine]:
    engine = open_engine(filled_ledger)
    yield engine
    engine.dispose()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = system_clock()
        self.then: Callable[[], None] = lambda: None

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.then()


async def test_a_job_that_is_over_is_not_waited_for(engine: Engine) -> None:
    time = Time()
    job = await wait_until_final(engine, SAVER, 60, clock=time.clock, sleep=time.sleep)
    assert job.state is State.SUCCEEDED


async def test_waiting_ends_with_the_job(engine: Engine, story: Any) -> None:
    time = Time()
    started = time.now

    def then() -> None:
        job = story.job(WAITER, 5, "nightly_report")
        with writing(engine) as connection:
            record(connection, [story.succeeded(job, story.ago(1))])

    time.then = then
    job = await wait_until_final(engine, WAITER, 60, clock=time.clock, sleep=time.sleep)
    assert job.state is State.SUCCEEDED
    assert time.now > started


async def test_waiting_has_an_end_and_says_how_to_go_on(engine: Engine) -> None:
    time = Time()
    with pytest.raises(WaitTimedOut, match="is deferred after 1 min") as error:
        await wait_until_final(engine, WAITER, 60, clock=time.clock, sleep=time.sleep)
    assert error.value.exit_code == 124
    with pytest.raises(WaitTimedOut, match="not in the ledger yet"):
        await wait_until_final(engine, uuid4(), 1, clock=time.clock, sleep=time.sleep)


async def test_the_ledger_can_be_followed_in_the_order_of_events(
    engine: Engine, story: Any
) -> None:
    job = story.job(WAITER, 5, "nightly_report")
    other = story.job(uuid4(), 0, "other")
    fresh = [
        story.accepted(other),
        story.started(job, story.ago(-1)),
        story.succeeded(job, story.ago(-1)),
    ]
    shown: list[AnyEvent] = []
    time = Time()

    def then() -> None:
        with writing(engine) as connection:
            record(connection, fresh)

    time.then = then
    async with recorded_events(engine, time.sleep) as next_event:
        await follow(next_event, shown.append, job_id=WAITER)
    assert [message_name(event) for event in shown] == ["job.started.v1", "job.succeeded.v1"]


async def test_beats_are_shown_only_on_demand(story: Any) -> None:
    beat, resized = story.beat("scheduler"), story.resized()

    async def shown(*, beats: bool) -> list[AnyEvent]:
        left, seen = [resized, beat], []

        async def next_event() -> AnyEvent:
            if not left:
                raise EOFError
            return left.pop()

        with pytest.raises(EOFError):
            await follow(next_event, seen.append, beats=beats)
        return seen

    assert await shown(beats=False) == [resized]
    assert await shown(beats=True) == [beat, resized]


def newer_events(now: datetime) -> list[AnyEvent]:
    told = {"id": uuid4(), "at": now, "job_id": SAVER}
    run = {**told, "attempt": 1, "pool": "p", "region": "R", "started_at": now}
    end = {"finished_at": now + timedelta(minutes=1), "energy_kwh": 0.00833}
    measured = EnergyMethod.MEASURED
    return [
        JobProgressed(**run, fraction=0.4, message="epoch 4"),
        JobPaused(
            **run, **end, energy_method=measured, reason="the band is high", remaining_seconds=1200
        ),
        JobCancelled(**told, by="ana", reason="wrong data"),
        JobReplayed(**told, attempts=3, by=None),
        ControlTaken(id=uuid4(), at=now, action=Action.RUN_NOW, scope="job aaaaaaaa", by="ana"),
    ]


def test_progress_may_be_a_share_or_words_alone() -> None:
    now = system_clock()
    told = {"id": uuid4(), "at": now, "job_id": SAVER, "started_at": now}
    run = {**told, "attempt": 1, "pool": "p", "region": "R"}
    assert event_line(JobProgressed(**run, fraction=1)).text.plain == "100 %"
    assert event_line(JobProgressed(**run, message="loading")).text.plain == "loading"


def test_every_event_has_a_word_and_says_what_happened(story: Any) -> None:
    events = story.events()
    now = story.now
    events.append(JobRejected(id=uuid4(), at=now, reason="type: required"))
    events.append(JobRetried(id=uuid4(), at=now, job_id=SAVER, attempt=1, not_before=now))
    events += newer_events(now)
    lines = {line.word.plain: line for line in map(event_line, events)}
    expected = {
        "accepted", "deferred", "released", "started", "succeeded", "failed", "died", "rejected",
        "retried", "grid", "pool", "beat", "progress", "paused", "cancelled", "replayed", "control",
    }  # fmt: skip
    assert set(lines) == expected
    assert all(line.text.plain for line in lines.values())
    assert lines["succeeded"].text.plain == "in 2 min, 8.33 Wh declared"
    assert lines["progress"].text.plain == "40 %, epoch 4"
    assert lines["paused"].text.plain == "in 1 min, 8.33 Wh measured, 20 min left: the band is high"
    assert lines["cancelled"].text.plain == "by ana: wrong data"
    assert lines["replayed"].text.plain == "by request, after 3 failed attempts"
    assert lines["control"].text.plain == "run now by ana: job aaaaaaaa"
    assert lines["succeeded"].subject == "aaaaaaaa"
    assert lines["grid"].text.plain == "CAISO_NORTH 200 g/kWh  low  live  SIMULATED "

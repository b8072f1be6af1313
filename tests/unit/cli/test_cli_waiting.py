from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from services.cli.event_words import event_line
from services.cli.submit import wait_until_final
from services.cli.submit_view import progress
from services.cli.watch import follow, recorded_events
from shared.domain.jobs import State
from shared.errors import WaitTimedOut
from shared.ledger.reads import JobStatus, job_status
from shared.ledger.schema import open_engine, writing
from shared.ledger.writes import record
from shared.messages import AnyEvent, JobRejected, JobRetried, message_name
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
    time, seen = Time(), []

    def then() -> None:
        job = story.job(WAITER, 5, "nightly_report")
        with writing(engine) as connection:
            record(connection, [story.succeeded(job, story.ago(1))])

    time.then = then
    show = seen.append
    job = await wait_until_final(engine, WAITER, 60, clock=time.clock, sleep=time.sleep, show=show)
    assert job.state is State.SUCCEEDED
    assert [one.state for one in seen if one] == [State.DEFERRED, State.SUCCEEDED]


async def test_waiting_has_an_end_and_says_how_to_go_on(engine: Engine) -> None:
    time = Time()
    with pytest.raises(WaitTimedOut, match="is deferred after 1 min; go on with") as error:
        await wait_until_final(engine, WAITER, 60, clock=time.clock, sleep=time.sleep)
    assert error.value.exit_code == 124
    with pytest.raises(WaitTimedOut, match="not in the ledger yet"):
        await wait_until_final(engine, uuid4(), 1, clock=time.clock, sleep=time.sleep)


def test_progress_names_the_planned_time(engine: Engine) -> None:
    assert progress(None) == "submitted"
    assert progress(job_status(engine, WAITER)).startswith("deferred, planned ")
    job: JobStatus = job_status(engine, SAVER)
    assert progress(job) == "succeeded"


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


def test_every_event_has_a_word_and_says_what_happened(story: Any) -> None:
    events = story.events()
    now = story.now
    events.append(JobRejected(id=uuid4(), at=now, reason="type: required"))
    events.append(JobRetried(id=uuid4(), at=now, job_id=SAVER, attempt=1, not_before=now))
    lines = {line.word.plain: line for line in map(event_line, events)}
    expected = {
        "accepted", "deferred", "released", "started", "succeeded", "failed", "died", "rejected",
        "retried", "grid", "pool", "beat",
    }  # fmt: skip
    assert set(lines) == expected
    assert all(line.text.plain for line in lines.values())
    assert lines["succeeded"].text.plain == "in 2 min, 8.33 Wh declared"
    assert lines["succeeded"].subject == "aaaaaaaa"
    assert lines["grid"].text.plain == "CAISO_NORTH 200 g/kWh  low  live  SIMULATED "

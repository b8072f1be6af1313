"""The ledger on a real broker: nothing lost, nothing counted twice, whatever dies."""

import asyncio
import runpy
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid5

import aio_pika
import pytest
from sqlalchemy import func, select

from shared.domain.savings import EnergyMethod
from shared.ledger import reads
from shared.ledger.schema import migrate, open_engine
from shared.ledger.tables import attempts, jobs
from shared.messages import (
    Action,
    AnyEvent,
    ControlTaken,
    JobCancelled,
    JobPaused,
    JobProgressed,
    JobReplayed,
    JobStarted,
    encode,
)

HERE: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "ledger_under_test.py")))
NOON, attempt, job_id, two_events = HERE.NOON, HERE.attempt, HERE.job_id, HERE.two_events
LIMIT_SECONDS = 60


@pytest.fixture
def service(deployment: Any, tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    engine = open_engine(url)
    yield HERE.Service(deployment, url, engine)
    engine.dispose()


async def test_events_are_recorded_and_acknowledged(service: Any, until: Any) -> None:
    told = [event for number in range(100) for event in two_events(number)]
    async with service.inside() as ledger:
        await service.tell(told)
        await until(lambda: service.count() == len(told))
        await until(lambda: ledger.recorded >= len(told))
    assert await service.waiting() == 0
    row = reads.job_status(service.engine, job_id(7))
    assert (row.state, row.attempts, row.energy_kwh) == ("succeeded", 1, 0.5)


async def test_a_backlog_is_written_when_all_of_it_is(service: Any) -> None:
    told = [event for number in range(150) for event in two_events(number)]
    await service.tell(told)
    async with service.inside() as ledger:
        is_written = ledger.backlog.is_written
        async with asyncio.timeout(LIMIT_SECONDS):
            await is_written.wait()
        assert service.count() == len(told)
    assert not is_written.is_set(), "nobody knows what waits now"


def interrupted_and_cancelled() -> list[AnyEvent]:
    """Job 1 is paused and then cut in its second piece; job 2 is replayed."""
    over = {
        "finished_at": NOON + timedelta(seconds=9),
        "energy_kwh": 0.25,
        "energy_method": EnergyMethod.MEASURED,
    }
    second = attempt(1, "second start") | {"piece": 2}
    cut = attempt(1, "cut") | over | {"piece": 2, "by": "ana", "reason": "not needed"}
    asked = {"id": uuid5(job_id(1), "asked"), "at": NOON, "job_id": job_id(1)}
    again = {"id": uuid5(job_id(2), "again"), "at": NOON, "job_id": job_id(2)}
    return [
        JobStarted(**attempt(1, "started")),
        JobProgressed(**attempt(1, "progressed"), fraction=0.5, message="half"),
        JobPaused(**attempt(1, "paused"), **over, reason="it is dirty", remaining_seconds=60.0),
        JobStarted(**second),
        JobCancelled(**cut),
        ControlTaken(**asked, action=Action.CANCEL, scope=f"job {job_id(1)}", by="ana"),
        JobReplayed(**again, attempts=4, by="bob"),
    ]


async def test_what_people_ask_for_and_pieces_are_recorded(service: Any, until: Any) -> None:
    told = interrupted_and_cancelled()
    async with service.inside() as ledger:
        await service.tell([*told, *reversed(told)])
        await until(lambda: ledger.recorded >= 2 * len(told))
    assert ledger.set_aside == 0
    row = reads.job_status(service.engine, job_id(1))
    assert (row.state, row.cancelled_by, row.energy_kwh) == ("cancelled", "ana", 0.5)
    assert [piece.outcome for piece in row.pieces] == ["paused", "cancelled"]
    assert reads.job_status(service.engine, job_id(2)).state == "submitted"
    audit = reads.audit(service.engine, NOON)
    assert sorted((entry.action, entry.by) for entry in audit) == [
        ("cancel", "ana"),
        ("replay", "bob"),
    ]
    assert service.count() == len(told) - 1, "of progress only the last is kept, with its job"


async def test_killed_midway_it_loses_nothing_and_counts_nothing_twice(
    service: Any, until: Any
) -> None:
    told = [event for number in range(1000) for event in two_events(number)]
    await service.tell(told)
    first = await service.process()
    await until(lambda: service.count() >= 200, LIMIT_SECONDS)
    first.kill()
    await first.communicate()
    assert service.count() < len(told)  # it really was midway
    second = await service.process(BATCH_EVENTS="500")
    await until(lambda: service.count() == len(told), LIMIT_SECONDS)
    second.terminate()
    await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 0
    assert await service.waiting() == 0
    assert (service.count(jobs), service.count(attempts)) == (1000, 1000)
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.sum(attempts.c.energy_kwh))) == 500.0


async def test_told_to_stop_it_acknowledges_what_it_committed(service: Any, until: Any) -> None:
    told = [event for number in range(500) for event in two_events(number)]
    await service.tell(told)
    process = await service.process(BATCH_EVENTS="5", BEAT_SECONDS="1000")
    await until(lambda: service.count() >= 50, LIMIT_SECONDS)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    recorded = service.count()
    assert 50 <= recorded < len(told)
    beats = 1  # of the process; it is the last in the queue

    async def nothing_in_both() -> bool:
        return await service.waiting() == len(told) + beats - recorded

    await until(nothing_in_both)


async def test_poison_is_set_aside_with_its_reason(service: Any, until: Any) -> None:
    topology = service.deployment.topology
    channel = await service.deployment.connection.channel()
    exchange = await channel.get_exchange(topology.events.name, ensure=False)
    huge = JobStarted(**attempt(1, "started", 2**70))
    ends = (b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00")  # no UTC date is that
    far = [encode(two_events(1)[0]).replace(b"2026-11-22T12:00:01Z", at, 1) for at in ends]
    for body in (b"no JSON", *far, encode(huge)):
        await exchange.publish(aio_pika.Message(body, message_id="m"), "job.started")
    async with service.inside() as ledger:
        await service.tell(two_events(1))
        await until(lambda: ledger.set_aside == 4)
        await until(lambda: service.count() == 2)
    assert await service.waiting() == 0
    rejected = await channel.get_queue(topology.rejected.name, ensure=False)
    kept = {message.body: message for message in [await rejected.get() for _ in range(4)]}
    reasons = {body: str(message.headers["x-reason"]) for body, message in kept.items()}
    assert reasons.keys() == {b"no JSON", *far, encode(huge)}
    assert reasons.pop(encode(huge)).startswith("it cannot be recorded: ")
    assert all(reason.startswith("not an event: ") for reason in reasons.values())
    assert "job.started.v1.at: input should be less than 2300-01-01" in reasons[far[0]]


async def test_without_tables_it_says_what_to_do(service: Any, tmp_path: Path) -> None:
    process = await service.process(LEDGER_URL=f"sqlite:///{tmp_path}/none.db")
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 69
    assert said.decode().splitlines()[-1].endswith("run `carbon-aware setup` once")


async def test_without_its_queue_it_says_what_to_do(service: Any) -> None:
    process = await service.process(NAMESPACE="nobody-made-this")
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 78
    assert "run `carbon-aware setup` once" in said.decode().splitlines()[-1]

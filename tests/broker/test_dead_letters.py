"""`dead` and `rejected` on a real broker: looked through, replayed, dropped."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import aio_pika
import pytest

from services.cli.dead_letters_acting import (
    DEAD,
    REJECTED,
    ReplayOptions,
    drop,
    find_message,
    list_letters,
    replay_dead,
    replay_rejected,
)
from services.cli.settings import CliSettings, Places
from shared.broker import letters_sifting
from shared.broker.letters import Filters
from shared.broker.publish import Publisher
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.errors import NotFound
from shared.handlers import Handler
from shared.messages import (
    JobAccepted,
    JobDied,
    JobFailed,
    JobRejected,
    JobReplayed,
    JobSucceeded,
    QueuedJob,
    decode_queued,
)
from shared.runtime import system_clock

NOW = system_clock()


@pytest.fixture
def places(deployment, tmp_path):
    settings = CliSettings(
        regions=("R",), wheel_slots=30, slot_seconds=1, namespace=deployment.topology.namespace
    )
    return Places(settings, deployment.url, f"sqlite:///{tmp_path / 'none.db'}", "the test")


def a_job(number=1, job_type="t", **changes):
    deadline = NOW + timedelta(hours=2)
    job = Job(UUID(int=number << 96), job_type, Priority.NORMAL, Band.LOW, NOW, deadline, 5, ("R",))
    return replace(job, attempts=2, retries=1, **changes)


async def bury(deployment, *jobs, error="ValueError: no data", at=NOW, **fields):
    publisher = Publisher(deployment.url, deployment.topology, "test", lambda: at)
    for job in jobs:
        await publisher.dead(QueuedJob(job=job, **fields), error)
    await publisher.close()


def options(**fields):
    return ReplayOptions(**({"by": "ana", "now": NOW} | fields))


async def in_dead(deployment):
    return await deployment.count(deployment.topology.dead)


async def test_a_list_shows_all_and_takes_nothing_away(deployment, places):
    old, new = NOW - timedelta(hours=3), NOW
    await bury(deployment, a_job(1), at=old)
    await bury(deployment, a_job(2, "u"), error="KeyError: 'epoch'", at=new)
    for _ in range(2):
        result = await list_letters(places, DEAD, Filters(), 50)
        assert [letter.id[:8] for letter in result.found] == ["00000002", "00000001"]
        newest = result.found[0]
        assert (newest.type, newest.attempts, newest.error) == ("u", 2, "KeyError: 'epoch'")
        assert newest.kept_at == new.replace(microsecond=0)
        assert await in_dead(deployment) == 2


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(type="u"), {2}),
        (Filters(error="VALUEerror"), {1}),
        (Filters(since=NOW - timedelta(hours=1)), {2}),
        (Filters(ids=("00000001",)), {1}),
        (Filters(type="u", error="ValueError"), set()),
    ],
)
async def test_filters_leave_what_they_say(deployment, places, filters, numbers):
    await bury(deployment, a_job(1), at=NOW - timedelta(hours=3))
    await bury(deployment, a_job(2, "u"), error="KeyError: 'epoch'")
    result = await list_letters(places, DEAD, filters, 50)
    assert {int(letter.id[:8], 16) for letter in result.found} == numbers
    assert (result.seen, result.matched) == (2, len(numbers))


async def test_a_long_queue_is_gone_through_in_windows_and_the_newest_are_shown(
    deployment, places, monkeypatch
):
    monkeypatch.setattr(letters_sifting, "WINDOW", 7)
    for number in range(1, 31):
        await bury(deployment, a_job(number), at=NOW + timedelta(seconds=number))
    result = await list_letters(places, DEAD, Filters(), 5)
    assert [int(letter.id[:8], 16) for letter in result.found] == [30, 29, 28, 27, 26]
    assert (result.total, result.seen, result.matched) == (30, 30, 30)
    assert await in_dead(deployment) == 30
    dropped = await drop(places, DEAD, Filters(type="t"), 10)
    assert len(dropped.settled) == 10
    odd = await drop(places, DEAD, Filters(since=NOW + timedelta(seconds=16)), None)
    left = await list_letters(places, DEAD, Filters(), 50)
    assert len(left.found) == 20 - len(odd.settled) == await in_dead(deployment)
    assert not {letter.id for letter in left.found} & {*odd.settled, *dropped.settled}


async def test_what_somebody_else_holds_is_not_waited_for(deployment, places, monkeypatch):
    monkeypatch.setattr(letters_sifting, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(letters_sifting, "RETURN_SECONDS", 0.2)
    await bury(deployment, a_job(1), a_job(2))
    channel = await deployment.connection.channel()
    queue = await channel.get_queue(deployment.topology.dead.name, ensure=False)
    counts = letters_sifting.message_counts

    async def counted_before_it_was_held(connection, names):
        found = await counts(connection, names)
        if not held:
            held.append(await queue.get())
        return found

    held = []
    monkeypatch.setattr(letters_sifting, "message_counts", counted_before_it_was_held)
    result = await list_letters(places, DEAD, Filters(), 50)
    assert (result.total, result.seen) == (2, 1)
    await channel.close()


async def test_a_replayed_job_runs_again_with_new_retries_and_a_new_deadline(
    deployment, places, until
):
    runs = []

    async def fails_twice(payload, context):
        runs.append(context.attempt)
        if len(runs) < 3:
            raise ValueError("no data")
        return {"attempt": context.attempt}

    job = replace(a_job(), attempts=0, retries=0)
    await deployment.grid([200.0] * 12)
    async with (
        deployment.scheduler(),
        deployment.pool({"t": Handler("t", fails_twice, takes_context=True)}),
    ):
        await deployment.publisher.retry(QueuedJob(job=job, payload={"n": 1}))
        for deaths in (1, 2):
            await until(lambda count=deaths: died(deployment, count))
            later = job.deadline + timedelta(hours=deaths)
            now = later - (job.deadline - job.submitted_at)
            await replay_dead(places, Filters(ids=(str(job.id),)), options(now=now), None)
            await until(lambda count=deaths: len(deployment.seen(JobReplayed)) == count)
        (succeeded,) = await until(lambda: deployment.seen(JobSucceeded))
    assert runs == [1, 2, 3], "no number of an attempt comes twice"
    assert succeeded.result == {"attempt": 3}
    told = [(e.attempts, e.by, e.deadline) for e in deployment.seen(JobReplayed)]
    assert told == [(n, "ana", job.deadline + timedelta(hours=n)) for n in (1, 2)]
    assert await in_dead(deployment) == 0
    assert len(deployment.seen(JobFailed)) == 2
    assert deployment.seen(JobAccepted) == []


def died(deployment, count):
    async def there():
        return len(deployment.seen(JobDied)) == count and await in_dead(deployment)

    return there()


async def test_a_replay_may_set_a_deadline_and_forget_the_checkpoint(deployment, places, until):
    rest = {"checkpoint": {"epoch": 4}, "remaining_seconds": 2.0, "piece": 3}
    await bury(deployment, a_job(1), a_job(2), **rest)
    deadline = NOW + timedelta(days=1)
    await replay_dead(places, Filters(ids=("00000001",)), options(deadline=deadline), None)
    kept = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    assert (kept.checkpoint, kept.remaining_seconds, kept.piece) == ({"epoch": 4}, 2.0, 1)
    assert (kept.job.deadline, kept.job.retries, kept.job.attempts) == (deadline, 3, 2)
    await replay_dead(places, Filters(), options(from_start=True), None)
    fresh = decode_queued((await deployment.fetch(deployment.topology.submitted)).body)
    assert (fresh.checkpoint, fresh.remaining_seconds) == (None, None)
    assert fresh.job.id == a_job(2).id


async def test_an_id_that_is_unknown_or_not_unique_changes_nothing(deployment, places):
    await bury(deployment, a_job(1), a_job(1, id=UUID(int=(1 << 96) + 1)))
    for wanted, words in (
        (("00000009",), "no dead job 00000009"),
        (("00000001",), "more than one"),
    ):
        with pytest.raises(NotFound, match=words):
            await drop(places, DEAD, Filters(ids=wanted), None)
        with pytest.raises(NotFound, match=words):
            await replay_dead(places, Filters(ids=wanted), options(), None)
    assert await in_dead(deployment) == 2
    assert await deployment.count(deployment.topology.submitted) == 0


async def test_a_job_whose_replay_is_not_confirmed_stays_dead(deployment, places):
    await bury(deployment, a_job(1), a_job(2))
    channel = await deployment.connection.channel()
    for key in ("submit", "retry", "resume"):
        queue = await channel.get_queue(deployment.topology.submitted.name, ensure=False)
        await queue.unbind(deployment.topology.jobs.name, key)
    with pytest.raises(Exception, match="no queue takes"):
        await replay_dead(places, Filters(), options(), None)
    result = await list_letters(places, DEAD, Filters(), 50)
    assert len(result.found) == 2
    assert deployment.seen(JobReplayed) == []


async def test_a_rejected_message_is_replayed_as_it_was(deployment, places, until):
    body = json.dumps({"type": "t", "region": "S"}).encode()
    sent = aio_pika.Message(body, message_id="order-77", headers={"x-own": "1"}, correlation_id="c")
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    async with deployment.scheduler():
        await exchange.publish(sent, "submit")
        await until(lambda: deployment.count(deployment.topology.rejected))
    letter, message = await find_message(places, REJECTED, "order-")
    assert (letter.id, letter.type, letter.attempts) == ("order-77", "t", None)
    assert "'S' is not served here" in letter.error
    assert message.body == body
    result = await replay_rejected(places, Filters(), None)
    assert result.settled == ["order-77"]
    again = await deployment.fetch(deployment.topology.submitted)
    assert (again.body, again.message_id, again.correlation_id) == (body, "order-77", "c")
    assert set(again.headers) <= {"x-own", "x-delivery-count"}, "nothing of its past stays on it"
    assert again.routing_key == "submit"
    assert await deployment.count(deployment.topology.rejected) == 0
    assert len(deployment.seen(JobRejected)) == 1


async def test_any_bytes_can_be_listed_shown_and_dropped(deployment, places):
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    for key in ("dead", "rejected"):
        await exchange.publish(aio_pika.Message(b"\xff\x00 no json"), key)
    for box, queue in ((DEAD, deployment.topology.dead), (REJECTED, deployment.topology.rejected)):
        (letter,) = (await list_letters(places, box, Filters(), 50)).found
        assert (letter.kept_at, letter.error) == (None, "no reason is given")
        assert (await find_message(places, box, letter.id))[1].body == b"\xff\x00 no json"
        await drop(places, box, Filters(ids=(letter.id,)), None)
        assert await deployment.count(queue) == 0


async def test_what_the_broker_itself_gave_up_says_so(deployment, places):
    death = [{"queue": "jobs.ready.R.normal", "reason": "delivery_limit", "time": NOW}]
    channel = await deployment.connection.channel()
    exchange = await channel.get_exchange(deployment.topology.jobs.name, ensure=False)
    body = QueuedJob(job=a_job()).model_dump_json().encode()
    await exchange.publish(aio_pika.Message(body, headers={"x-death": death}), "dead")
    (letter,) = (await list_letters(places, DEAD, Filters(), 50)).found
    assert letter.kept_at == NOW.replace(microsecond=0)
    assert letter.error == "the broker moved it here from jobs.ready.R.normal: delivery_limit"
    assert letter.id == str(a_job().id)

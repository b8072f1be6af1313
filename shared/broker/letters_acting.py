"""What is done with kept messages: list, show, send on their way again, drop."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid5

from aio_pika.abc import AbstractIncomingMessage

from shared.broker.connection import LOST, connect
from shared.broker.letters import (
    Filters,
    Letter,
    dead_letter,
    queued_job,
    rejected_letter,
)
from shared.broker.letters_sifting import Act, Read, Sifted, Sifter, sifting
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, check
from shared.domain.jobs import replayed
from shared.errors import CarbonAwareError, NotFound
from shared.messages import JobReplayed, QueuedJob


class NotReplayable(CarbonAwareError):
    """A message in `jobs.dead` holds no job."""


@dataclass(frozen=True, slots=True)
class Office:
    """Where messages are kept: a broker, and the names of a deployment's queues on it.

    Attributes:
        name: of whoever asks, shown on the broker's pages.
    """

    amqp_url: str
    topology: Topology
    name: str


@dataclass(frozen=True, slots=True)
class Box:
    """A queue that keeps messages.

    Attributes:
        name: of the commands for it.
        noun: what one message in it is called, as in `3 dead jobs`.
    """

    name: str
    noun: str
    read: Read
    queue_of: Callable[[Topology], str]


DEAD = Box("dead", "dead job", dead_letter, lambda topology: topology.dead.name)
REJECTED = Box(
    "rejected", "rejected message", rejected_letter, lambda topology: topology.rejected.name
)


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How dead jobs are sent on their way again.

    Attributes:
        by: who asks.
        now: when.
        deadline: their new one; None for as long as they had at first.
        from_start: whether their checkpoints are forgotten.
    """

    by: str
    now: datetime
    deadline: datetime | None = None
    from_start: bool = False


async def list_letters(office: Office, box: Box, filters: Filters, newest: int | None) -> Sifted:
    """The letters that are meant, newest first."""
    async with _open(office, box, filters) as sifter:
        await sifter.look(newest)
    return sifter.result


async def find_message(
    office: Office, box: Box, wanted: str
) -> tuple[Letter, AbstractIncomingMessage]:
    """One letter and its message, which stays where it is.

    Raises:
        NotFound: there is none with this id, or more than one.
    """
    async with _open(office, box, Filters(ids=(wanted,))) as sifter:
        await sifter.look(keep=True)
    _check_found(box, (wanted,), sifter.result)
    return sifter.result.kept[0]


async def drop(office: Office, box: Box, filters: Filters, limit: int | None) -> Sifted:
    """Delete the messages that are meant.

    Raises:
        NotFound: an id that was asked for is not there; nothing is deleted then.
    """

    async def forget(_message: AbstractIncomingMessage) -> None:
        """To be acknowledged is all that it takes."""

    return await _act(office, box, filters, forget, limit)


async def replay_dead(
    office: Office, filters: Filters, options: ReplayOptions, limit: int | None
) -> Sifted:
    """Submit dead jobs again; each leaves its queue once the broker has confirmed the new one.

    Raises:
        NotFound: an id that was asked for is not there; nothing is replayed then.
        NotReplayable: a message holds no job.
    """
    async with _publisher(office) as publisher:

        async def again(message: AbstractIncomingMessage) -> None:
            queued = queued_job(message)
            if queued is None:
                raise NotReplayable(
                    f"message {message.message_id} holds no job; see it with `carbon-aware dead "
                    "show`, and delete it with `carbon-aware dead drop`"
                )
            job = revived(queued, options)
            await publisher.retry(job)
            await publisher.event(replay_event(job, options))

        return await _act(office, DEAD, filters, again, limit)


async def replay_rejected(office: Office, filters: Filters, limit: int | None) -> Sifted:
    """Submit rejected messages again as they were, now that the scheduler may take them.

    Raises:
        NotFound: an id that was asked for is not there; nothing is replayed then.
    """
    async with _publisher(office) as publisher:
        return await _act(office, REJECTED, filters, publisher.submit_again, limit)


def revived(queued: QueuedJob, options: ReplayOptions) -> QueuedJob:
    """A dead job as it is submitted again."""
    changes: dict[str, Any] = {
        "job": replayed(queued.job, options.now, options.deadline),
        "slot": None,
        "not_before": None,
        "piece": 1,
    }
    if options.from_start:
        changes |= {"checkpoint": None, "remaining_seconds": None}
    return queued.model_copy(update=changes)


def replay_event(queued: QueuedJob, options: ReplayOptions) -> JobReplayed:
    """What the ledger hears of it; a replay that is repeated counts once."""
    job = queued.job
    return JobReplayed(
        id=uuid5(job.id, f"replayed:{job.attempts}"),
        at=options.now,
        job_id=job.id,
        attempts=job.attempts,
        by=options.by,
        deadline=job.deadline,
    )


async def _act(office: Office, box: Box, filters: Filters, act: Act, limit: int | None) -> Sifted:
    async with _open(office, box, filters) as sifter:
        if filters.ids:
            # All of them first: an id that is not there or not unique must change nothing.
            await sifter.look(keep=True)
            _check_found(box, filters.ids, sifter.result)
            await sifter.act_on_kept(act)
        else:
            await sifter.act_on_all(act, limit)
    return sifter.result


def _check_found(box: Box, wanted: tuple[str, ...], result: Sifted) -> None:
    for each in wanted:
        ids = {letter.id for letter in result.found if letter.id.startswith(each)}
        if not ids:
            raise NotFound(f"no {box.noun} {each}; `carbon-aware {box.name} list` shows them")
        if len(ids) > 1:
            raise NotFound(f"more than one {box.noun} begins with {each}; give more of its id")


@asynccontextmanager
async def _open(office: Office, box: Box, filters: Filters) -> AsyncIterator[Sifter]:
    topology = office.topology
    connection = await connect(office.amqp_url, office.name)
    try:
        await check(connection, [topology.dead, topology.rejected])
        queue_name = box.queue_of(topology)
        async with sifting(connection, queue_name, box.read, filters.match) as sifter:
            yield sifter
    finally:
        with suppress(*LOST):
            await connection.close()


@asynccontextmanager
async def _publisher(office: Office) -> AsyncIterator[Publisher]:
    publisher = Publisher(office.amqp_url, office.topology, f"{office.name} replay")
    try:
        yield publisher
    finally:
        await publisher.close()

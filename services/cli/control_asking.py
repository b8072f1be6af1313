"""Sending what a user asks for, and waiting for what comes of it."""

import asyncio
import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid5

from services.cli.broker_session import topology_of
from services.cli.settings import Places
from services.cli.watch import NextEvent
from shared.broker.publish import Publisher
from shared.errors import PublishFailed
from shared.messages import AnyEvent, Control, ControlTaken

PUBLISH_SECONDS = 30.0
POOLS_ANSWER_SECONDS = 0.5
"""How long pools get to answer after the first one has."""


@dataclass(slots=True)
class Answers:
    """Who followed an order.

    Attributes:
        scheduler: what the scheduler told; None if it did not.
        pools: the pools that told, by name.
    """

    scheduler: ControlTaken | None = None
    pools: list[str] = field(default_factory=list)

    def take(self, asked: Control, event: AnyEvent) -> bool:
        """Note an event; False if it is no answer to the order."""
        if not isinstance(event, ControlTaken):
            return False
        if event.id == uuid5(asked.id, "scheduler"):
            self.scheduler = event
            return True
        pool = event.scope.rpartition(": ")[2]
        if event.id != uuid5(asked.id, pool):
            return False
        if pool not in self.pools:
            self.pools.append(pool)
        return True


def user_at_host() -> str:
    """Who asks, unless they say otherwise: `ana@build-7`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


async def send_control(places: Places, asked: Control) -> None:
    """Put an order on the control log.

    Raises:
        PublishFailed: the broker did not confirm it.
    """
    publisher = Publisher(places.amqp_url, topology_of(places), "carbon-aware control")
    try:
        async with asyncio.timeout(PUBLISH_SECONDS):
            await publisher.control(asked)
    except TimeoutError:
        why = " (it is short of memory or disk)" if publisher.is_blocked else ""
        raise PublishFailed(
            f"the broker did not confirm the order within {PUBLISH_SECONDS:.0f} s{why}; "
            "it may have it, and asking again does no harm"
        ) from None
    finally:
        await publisher.close()


async def first_event(
    next_event: NextEvent, wanted: Callable[[AnyEvent], bool], seconds: float
) -> AnyEvent | None:
    """The first event of a kind; None where none comes in time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                event = await next_event()
                if wanted(event):
                    return event
    except TimeoutError:
        return None


async def gather_answers(
    next_event: NextEvent, asked: Control, seconds: float, *, of_scheduler: bool
) -> Answers:
    """Wait for the scheduler, or where it has no say for a pool, and then for the others.

    Args:
        next_event: what happens, from before the order was sent.
        asked: the order.
        seconds: how long to wait for the first answer that counts.
        of_scheduler: whether the scheduler follows such an order.
    """
    answers = Answers()

    def counts(event: AnyEvent) -> bool:
        answers.take(asked, event)
        return bool(answers.scheduler) if of_scheduler else bool(answers.pools)

    if await first_event(next_event, counts, seconds) is not None:
        await first_event(
            next_event, lambda event: _noted(answers, asked, event), POOLS_ANSWER_SECONDS
        )
    return answers


def _noted(answers: Answers, asked: Control, event: AnyEvent) -> bool:
    answers.take(asked, event)
    return False

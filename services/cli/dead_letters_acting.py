"""Kept messages of the system that the commands talk to."""

from aio_pika.abc import AbstractIncomingMessage

from services.cli.broker_session import quiet_broker_logs, topology_of
from services.cli.settings import Places
from shared.broker import letters_acting as letters
from shared.broker.letters import Filters, Letter
from shared.broker.letters_acting import DEAD, REJECTED, Box, Office, ReplayOptions
from shared.broker.letters_sifting import Sifted

__all__ = [
    "DEAD",
    "REJECTED",
    "Box",
    "ReplayOptions",
    "drop",
    "find_message",
    "list_letters",
    "replay_dead",
    "replay_rejected",
]


def _office(places: Places, command: str) -> Office:
    quiet_broker_logs()
    return Office(places.amqp_url, topology_of(places), f"carbon-aware {command}")


async def list_letters(places: Places, box: Box, filters: Filters, newest: int | None) -> Sifted:
    """See `shared.broker.letters_acting.list_letters`."""
    return await letters.list_letters(_office(places, box.name), box, filters, newest)


async def find_message(
    places: Places, box: Box, wanted: str
) -> tuple[Letter, AbstractIncomingMessage]:
    """See `shared.broker.letters_acting.find_message`."""
    return await letters.find_message(_office(places, box.name), box, wanted)


async def drop(places: Places, box: Box, filters: Filters, limit: int | None) -> Sifted:
    """See `shared.broker.letters_acting.drop`."""
    return await letters.drop(_office(places, box.name), box, filters, limit)


async def replay_dead(
    places: Places, filters: Filters, options: ReplayOptions, limit: int | None
) -> Sifted:
    """See `shared.broker.letters_acting.replay_dead`."""
    return await letters.replay_dead(_office(places, DEAD.name), filters, options, limit)


async def replay_rejected(places: Places, filters: Filters, limit: int | None) -> Sifted:
    """See `shared.broker.letters_acting.replay_rejected`."""
    return await letters.replay_rejected(_office(places, REJECTED.name), filters, limit)

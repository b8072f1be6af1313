"""Going through a queue of kept messages: look at all, take out some, leave the rest as it was.

What is looked at and stays is held unacknowledged until the end and then returned: returned
sooner, it would be the next to come. The broker returns many messages in no fixed order, so the
order of the queue says nothing; letters are ordered by the time at which they were kept. Bounds:

- This process has at most `WINDOW` messages in memory, and those that were asked for by id. A
  window that is full of messages that stay is closed and the next one opened beside it: the
  broker lets a consumer that is cancelled keep what it holds.
- The broker notes each held message until the end. Others who look at the queue meanwhile do not
  see those; a command that is killed gives them back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from shared.broker.letters import Letter
from shared.broker.topology import message_counts

WINDOW = 1_000
TOGETHER = 50
IDLE_SECONDS = 2.0
"""Nothing came for this long although the queue was not through: somebody else holds the rest."""
NEVER = datetime.min.replace(tzinfo=UTC)
RETURN_SECONDS = 10.0
RETURN_LOOK_SECONDS = 0.05

Read = Callable[[AbstractIncomingMessage], Letter]
Wanted = Callable[[Letter], bool]
Act = Callable[[AbstractIncomingMessage], Awaitable[None]]


@dataclass(slots=True)
class Sifted:
    """What came of going through a queue.

    Attributes:
        total: messages in the queue at the beginning.
        seen: how many were looked at.
        matched: how many were wanted.
        found: what a look wanted; with a limit only the newest.
        kept: the same with their messages, where these were to be kept.
        settled: the ids of what was acted on, and left the queue.
    """

    total: int
    seen: int = 0
    matched: int = 0
    found: list[Letter] = field(default_factory=list)
    kept: list[tuple[Letter, AbstractIncomingMessage]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)


class Sifter:
    """One walk through the messages that are in a queue when it begins, oldest first."""

    def __init__(
        self, channel: AbstractChannel, queue_name: str, read: Read, wanted: Wanted, total: int
    ) -> None:
        """Prepare; nothing is fetched yet."""
        self.result = Sifted(total)
        self._channel = channel
        self._queue_name = queue_name
        self._read = read
        self._wanted = wanted
        self._acting: set[asyncio.Task[None]] = set()

    async def look(self, newest: int | None = None, *, keep: bool = False) -> None:
        """Find what is wanted and leave it where it is.

        Args:
            newest: how many letters to hold on to, those that were kept last; None for all.
            keep: hold on to their messages too.
        """
        found = self.result.found

        async def note(letter: Letter, message: AbstractIncomingMessage) -> bool:
            found.append(letter)
            if keep:
                self.result.kept.append((letter, message))
            if newest is not None and len(found) >= 2 * newest + WINDOW:
                found[:] = newest_first(found)[:newest]
            return False

        await self._walk(note, None)
        found[:] = newest_first(found)[:newest]

    async def act_on_all(self, act: Act, limit: int | None = None) -> None:
        """Act on what is wanted as it comes; each is acknowledged once that has returned.

        Raises:
            Exception: what `act` raised first; what it has not settled stays in the queue.
        """

        async def start(letter: Letter, message: AbstractIncomingMessage) -> bool:
            self._acting.add(asyncio.ensure_future(self._settle(act, letter, message)))
            if len(self._acting) >= TOGETHER:
                await self._all_settled()
            return True

        try:
            await self._walk(start, limit)
            await self._all_settled()
        finally:
            if self._acting:
                await asyncio.wait(self._acting)

    async def act_on_kept(self, act: Act) -> None:
        """Act on the messages that were found and kept, in their order."""
        for letter, message in self.result.kept:
            await self._settle(act, letter, message)

    async def _walk(
        self,
        take: Callable[[Letter, AbstractIncomingMessage], Awaitable[bool]],
        limit: int | None,
    ) -> None:
        result = self.result
        while self._goes_on(limit):
            before, held = result.seen, 0
            size = min(WINDOW, result.total - result.seen)
            async with _deliveries(self._channel, self._queue_name, size) as arrived:
                # What was taken is settled and makes room for the next; the rest fills the window.
                while held < size and self._goes_on(limit):
                    message = await _next(arrived)
                    if message is None:
                        break
                    result.seen += 1
                    letter = self._read(message)
                    settled = False
                    if self._wanted(letter):
                        result.matched += 1
                        settled = await take(letter, message)
                    held += not settled
            if result.seen == before:
                return

    def _goes_on(self, limit: int | None) -> bool:
        result = self.result
        enough = limit is not None and result.matched >= limit
        return not enough and result.seen < result.total

    async def _settle(self, act: Act, letter: Letter, message: AbstractIncomingMessage) -> None:
        await act(message)
        await message.ack()
        self.result.settled.append(letter.id)

    async def _all_settled(self) -> None:
        if self._acting:
            await asyncio.wait(self._acting)
        failures = [task.exception() for task in self._acting]
        self._acting.clear()
        for failure in failures:
            if failure is not None:
                raise failure


def newest_first(letters: list[Letter]) -> list[Letter]:
    """Letters by the time at which they were kept; those without one come last."""
    dated = [letter for letter in letters if letter.kept_at is not None]
    undated = [letter for letter in letters if letter.kept_at is None]
    return sorted(dated, key=lambda letter: letter.kept_at or NEVER, reverse=True) + undated


@asynccontextmanager
async def sifting(
    connection: AbstractConnection, queue_name: str, read: Read, wanted: Wanted
) -> AsyncIterator[Sifter]:
    """Go through a queue; at the end what was not settled is back in it.

    Args:
        connection: the messages return with its end, at the latest.
        queue_name: the queue.
        read: makes a letter of a message.
        wanted: whether a letter is.
    """
    total = (await message_counts(connection, [queue_name]))[queue_name]
    channel = await connection.channel()
    sifter = Sifter(channel, queue_name, read, wanted, total)
    try:
        yield sifter
    finally:
        await channel.close()
    await _returned(connection, queue_name, total - len(sifter.result.settled))


async def _returned(connection: AbstractConnection, queue_name: str, expected: int) -> None:
    """Wait until the broker has the messages back in line, so that the next look sees them."""
    for _ in range(int(RETURN_SECONDS / RETURN_LOOK_SECONDS)):
        if (await message_counts(connection, [queue_name]))[queue_name] >= expected:
            return
        await asyncio.sleep(RETURN_LOOK_SECONDS)


@asynccontextmanager
async def _deliveries(
    channel: AbstractChannel, queue_name: str, most_unsettled: int
) -> AsyncIterator["asyncio.Queue[AbstractIncomingMessage]"]:
    """What one consumer is given, never more than so many unsettled messages."""
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    async def keep(message: AbstractIncomingMessage) -> None:
        arrived.put_nowait(message)

    await channel.set_qos(most_unsettled)  # of the consumers that begin from now on
    queue = await channel.get_queue(queue_name, ensure=False)
    tag = await queue.consume(keep)
    try:
        yield arrived
    finally:
        await queue.cancel(tag)


async def _next(
    arrived: "asyncio.Queue[AbstractIncomingMessage]",
) -> AbstractIncomingMessage | None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            return await arrived.get()
    except TimeoutError:
        return None

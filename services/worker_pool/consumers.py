"""The broker's side of a pool: one consumer per lane for each job that may run at once."""

from collections.abc import Awaitable, Callable, Sequence

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from services.worker_pool.capacity import Limit
from services.worker_pool.pool import Pool
from shared.broker.topology import Queue
from shared.domain.jobs import Lane

Take = Callable[[Lane, AbstractIncomingMessage], Awaitable[None]]


class Consumers:
    """Keeps as many consumers, with as much prefetch, as the pool's limit says.

    A live consumer's prefetch cannot change, so a new prefetch means new consumers first and
    then an end to the old ones; what those delivered and already runs is acknowledged later on
    the same channel.
    """

    def __init__(
        self, channel: AbstractChannel, lanes: Sequence[tuple[Lane, AbstractQueue]], take: Take
    ) -> None:
        """Start with none; what they deliver goes to `take`."""
        self._channel = channel
        self._lanes = lanes
        self._take = take
        self._tags: list[list[tuple[AbstractQueue, str]]] = []
        self._prefetch = 0
        self._renewed: tuple[int, int] | None = None

    @classmethod
    async def open(
        cls, connection: AbstractConnection, queues: Sequence[tuple[Lane, Queue]], take: Take
    ) -> "Consumers":
        """Open a channel for the ready queues of a region."""
        channel = await connection.channel()
        lanes = [(lane, await channel.get_queue(q.name, ensure=False)) for lane, q in queues]
        return cls(channel, lanes, take)

    async def fit(self, pool: Pool, limit: Limit, free: int | None = None) -> None:
        """Grow at once, or shrink and give back what has not started.

        Args:
            pool: what the consumers deliver to.
            limit: its size.
            free: take jobs for so many places only, and hold none besides; None: for all.
        """
        pool.resize(limit)
        surplus = []
        renewed = None if free is None else (free, pool.started)
        if limit.prefetch != self._prefetch or (renewed and renewed != self._renewed):
            surplus, self._tags = self._tags, []
            await self._channel.set_qos(limit.prefetch)
            self._prefetch = limit.prefetch
        self._renewed = renewed
        await self._grow_or_shrink(pool, limit.consumers if free is None else free, surplus)

    async def _grow_or_shrink(
        self, pool: Pool, count: int, surplus: list[list[tuple[AbstractQueue, str]]]
    ) -> None:
        while len(self._tags) < count:
            self._tags.append(await self._start_one())
        surplus += self._tags[count:]
        del self._tags[count:]
        await self._end(surplus, pool)

    async def stop(self, pool: Pool) -> None:
        """End all consumers and give back what has not started."""
        surplus, self._tags = self._tags, []
        await self._end(surplus, pool)

    async def _start_one(self) -> list[tuple[AbstractQueue, str]]:
        started = []
        for lane, queue in self._lanes:

            async def on_message(message: AbstractIncomingMessage, lane: Lane = lane) -> None:
                await self._take(lane, message)

            started.append((queue, await queue.consume(on_message)))
        return started

    async def _end(self, consumers: list[list[tuple[AbstractQueue, str]]], pool: Pool) -> None:
        ended = [each for consumer in consumers for each in consumer]
        for queue, tag in ended:
            await queue.cancel(tag)
        await pool.return_held({tag for _, tag in ended})

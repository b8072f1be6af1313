"""A worker process: one pool a region, each following its grid's band."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.worker_pool.attempts import Attempts
from services.worker_pool.capacity import Base, Limit, stale_seconds
from services.worker_pool.consumers import Consumers
from services.worker_pool.pool import Pool
from shared.broker.consume import acknowledge, give_back, settling
from shared.broker.publish import Publisher
from shared.broker.stream import follow
from shared.broker.topology import Topology, check
from shared.domain.jobs import Lane
from shared.errors import PublishFailed, Undecodable
from shared.messages import IntensityUpdated, PoolResized, decode_queued

REMEMBERED_ATTEMPTS = 10_000
NEWEST_SHARE = 0.1  # of one job in the running mean of durations
MOST_REDELIVERIES = 4
"""A job whose worker ended this often while it ran is suspected of ending it."""

log = structlog.get_logger()


class RegionPool:
    """One region's pool: consumes its ready queues and changes its size with the band."""

    def __init__(
        self,
        region: str,
        instance: str,
        base: Base,
        topology: Topology,
        attempts: Attempts,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Start with the capacity of an unknown grid."""
        self.region = region
        self.name = f"{instance}:{region}"
        self.base = base
        self._topology = topology
        self._attempts = attempts
        self._publisher = publisher
        self._clock = clock
        self._update: IntensityUpdated | None = None
        self._updated = asyncio.Event()
        self._in_flight: dict[tuple[UUID, int], asyncio.Future[None]] = {}
        self._done: OrderedDict[tuple[UUID, int], None] = OrderedDict()
        self._told: Limit | None = None
        self.mean_seconds: float | None = None
        work = settling(self._work, publisher.set_aside)
        self.pool = Pool(work, self._hand_back, base.limit(None, clock()))

    async def session(self, connection: AbstractConnection, stop: asyncio.Event) -> None:
        """Consume over one connection until stopped; the pool outlives the connection."""
        self.pool.forget_held()
        queues = [(lane, self._topology.ready_queue(self.region, lane)) for lane in Lane]
        await check(connection, [queue for _, queue in queues])
        consumers = await Consumers.open(connection, queues)
        channel = await connection.channel()
        await follow(channel, self._topology.intensity_log, "last", self._take_update)
        while not stop.is_set():
            limit = self.base.limit(self._update, self._clock())
            await consumers.fit(self.pool, limit)
            await self._tell(limit)
            await self._wait_for_change(stop)
        await consumers.stop(self.pool)

    def _take_update(self, update: IntensityUpdated) -> None:
        newer = self._update is None or update.at > self._update.at
        if update.reading.region == self.region and newer:
            self._update = update
            self._updated.set()

    async def _wait_for_change(self, stop: asyncio.Event) -> None:
        """Until the next update, the moment when the last one is too old, or the stop."""
        waits = {asyncio.ensure_future(self._updated.wait()), asyncio.ensure_future(stop.wait())}
        try:
            timeout = None if self._update is None else stale_seconds(self._update) + 0.1
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._updated.clear()

    async def _tell(self, limit: Limit) -> None:
        if self._told == limit:
            return
        first_or_changed = self._told is None or (
            (self._told.consumers, self._told.prefetch, self._told.band)
            != (limit.consumers, limit.prefetch, limit.band)
        )
        self._told = limit
        if not first_or_changed:
            return
        log.info("pool resized", region=self.region, consumers=limit.consumers, reason=limit.reason)
        await self._publisher.event(
            PoolResized(
                id=uuid4(),
                at=self._clock(),
                pool=self.name,
                region=self.region,
                band=limit.band,
                factor=limit.factor,
                consumers=limit.consumers,
                prefetch=limit.prefetch,
                base_consumers=self.base.consumers,
                base_prefetch=self.base.prefetch,
                reason=limit.reason,
            )
        )

    async def _hand_back(self, lane: Lane, message: AbstractIncomingMessage) -> None:
        """Return a job that has not started, as a new message.

        A plain return would raise the broker's count of deliveries, which is to tell how often a
        job took its worker down with it.
        """
        try:
            queued = decode_queued(message.body)
            await self._publisher.ready(queued, self.region, lane)
        except (Undecodable, PublishFailed):
            await give_back(message)
        else:
            await acknowledge(message)

    def _note_duration(self, seconds: float) -> None:
        """Keep the running mean of how long jobs take: the scheduler plans with it."""
        mean = self.mean_seconds
        self.mean_seconds = seconds if mean is None else mean + NEWEST_SHARE * (seconds - mean)

    async def _work(self, message: AbstractIncomingMessage) -> None:
        """Run a job once; a second copy of an attempt waits for the first and counts as done."""
        queued = decode_queued(message.body)
        key = (queued.job.id, queued.job.attempts)
        if key in self._done:
            log.info("attempt already done here", job_id=str(key[0]), attempt=key[1] + 1)
            return
        if key in self._in_flight:
            await asyncio.shield(self._in_flight[key])
            return
        deliveries = message.headers.get("x-delivery-count", 0)
        if isinstance(deliveries, int) and deliveries >= MOST_REDELIVERIES:
            await self._attempts.give_up(queued, self.name, self.region, deliveries)
            return
        started = self._clock()
        running = asyncio.ensure_future(self._attempts.run(queued, self.name, self.region))
        self._in_flight[key] = running
        try:
            await running
        finally:
            del self._in_flight[key]
        self._note_duration((self._clock() - started).total_seconds())
        self._done[key] = None
        if len(self._done) > REMEMBERED_ATTEMPTS:
            self._done.popitem(last=False)
